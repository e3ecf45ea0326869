package kafkatest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

func testCommitMetadata(t *testing.T, addr string) {
	c := Client(t, addr)
	topic, group := Topic(t, addr, "commit", 2), Name("group")
	if offset, metadata, err := Committed(t.Context(), c, group, topic, 0); err != nil || offset != -1 || metadata != "" {
		t.Errorf("before any commit: %d, %q, %v", offset, metadata, err)
	}
	// The longest a real broker takes: offset.metadata.max.bytes is 4096.
	for i, metadata := range []string{`{"next":17}`, "", "ü €", strings.Repeat("m", 4096)} {
		if err := Commit(t.Context(), c, group, topic, 1, int64(10+i), metadata); err != nil {
			t.Fatal(err)
		}
		offset, got, err := Committed(t.Context(), c, group, topic, 1)
		if err != nil || offset != int64(10+i) || got != metadata {
			t.Errorf("commit %d: %d, %q, %v; want metadata %q", i, offset, got, err, metadata)
		}
	}
	if offset, _, err := Committed(t.Context(), c, group, topic, 0); err != nil || offset != -1 {
		t.Errorf("the other partition: %d, %v", offset, err)
	}
}

func joinGroup(t *testing.T, addr, group string, topics ...string) *kafka.ConsumerGroup {
	t.Helper()
	g, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: group, Brokers: []string{addr}, Topics: topics,
		HeartbeatInterval: 200 * time.Millisecond, SessionTimeout: 6 * time.Second,
		RebalanceTimeout: 10 * time.Second, JoinGroupBackoff: 100 * time.Millisecond,
		StartOffset: kafka.FirstOffset,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}

func next(t *testing.T, g *kafka.ConsumerGroup) *kafka.Generation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	generation, err := g.Next(ctx)
	if err != nil {
		t.Fatalf("join the group: %v", err)
	}
	return generation
}

func testCommitAsMember(t *testing.T, addr string) {
	c := Client(t, addr)
	topic, group := Topic(t, addr, "member", 1), Name("group")
	g := next(t, joinGroup(t, addr, group, topic))
	// The low-level commit of kafka-go has no metadata, so the client's is
	// used, with the generation's own ids: it is fenced like the former.
	if err := commitAs(t.Context(), c, group, int(g.ID), g.MemberID, topic, 0, 5, "range [5,9)"); err != nil {
		t.Fatal(err)
	}
	if offset, metadata, err := Committed(t.Context(), c, group, topic, 0); err != nil || offset != 5 || metadata != "range [5,9)" {
		t.Errorf("as a member: %d, %q, %v", offset, metadata, err)
	}
	if err := g.CommitOffsets(map[string]map[int]int64{topic: {0: 9}}); err != nil {
		t.Fatal(err)
	}
	if offset, metadata, err := Committed(t.Context(), c, group, topic, 0); err != nil || offset != 9 || metadata != "" {
		t.Errorf("by CommitOffsets: %d, %q, %v", offset, metadata, err)
	}
}

func testCommitFenced(t *testing.T, addr string) {
	c := Client(t, addr)
	topic, group := Topic(t, addr, "fenced", 1), Name("group")
	g := next(t, joinGroup(t, addr, group, topic))
	if err := commitAs(t.Context(), c, group, int(g.ID)-1, g.MemberID, topic, 0, 5, ""); !errors.Is(err, kafka.IllegalGeneration) {
		t.Errorf("a commit of an old generation: %v, want IllegalGeneration", err)
	}
	if err := commitAs(t.Context(), c, group, int(g.ID), "somebody", topic, 0, 5, ""); !errors.Is(err, kafka.UnknownMemberId) {
		t.Errorf("a commit of a stranger: %v, want UnknownMemberId", err)
	}
	if err := Commit(t.Context(), c, group, topic, 0, 5, ""); !errors.Is(err, kafka.UnknownMemberId) {
		t.Errorf("a commit without a member into a group that has some: %v, want UnknownMemberId", err)
	}
	if offset, _, err := Committed(t.Context(), c, group, topic, 0); err != nil || offset != -1 {
		t.Errorf("a refused commit counts: %d, %v", offset, err)
	}
}

func testGroupResumes(t *testing.T, addr string) {
	topic, group := Topic(t, addr, "resumes", 2), Name("group")
	first := joinGroup(t, addr, group, topic)
	g := next(t, first)
	if len(g.Assignments[topic]) != 2 {
		t.Fatalf("assigned %v, want both partitions", g.Assignments)
	}
	for _, a := range g.Assignments[topic] {
		if a.Offset != kafka.FirstOffset {
			t.Errorf("a new group starts at %d in partition %d, want the start offset of its configuration", a.Offset, a.ID)
		}
	}
	if err := g.CommitOffsets(map[string]map[int]int64{topic: {1: 42}}); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	g = next(t, joinGroup(t, addr, group, topic))
	for _, a := range g.Assignments[topic] {
		if want := map[int]int64{0: kafka.FirstOffset, 1: 42}[a.ID]; a.Offset != want {
			t.Errorf("partition %d resumes at %d, want %d", a.ID, a.Offset, want)
		}
	}
	if d := time.Since(begun); d > 5*time.Second {
		t.Errorf("joining after a member that left took %s", d)
	}
}

func testGroupOfTwo(t *testing.T, addr string) {
	topic, group := Topic(t, addr, "two", 4), Name("group")
	type has struct {
		who   int
		parts []int
	}
	assigned := make(chan has, 16)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	for who := range 2 {
		g := joinGroup(t, addr, group, topic)
		go func() {
			for {
				generation, err := g.Next(ctx)
				if ctx.Err() != nil || errors.Is(err, kafka.ErrGroupClosed) {
					return
				}
				if err != nil {
					// A join that another member's join overtook; it is
					// tried again.
					continue
				}
				h := has{who: who}
				for _, a := range generation.Assignments[topic] {
					h.parts = append(h.parts, a.ID)
				}
				select {
				case assigned <- h:
				case <-ctx.Done():
					return
				}
			}
		}()
	}
	now := map[int][]int{}
	for len(now[0]) != 2 || len(now[1]) != 2 {
		select {
		case h := <-assigned:
			now[h.who] = h.parts
		case <-ctx.Done():
			t.Fatalf("four partitions for two members: %v", now)
		}
	}
	owners := map[int]int{}
	for _, parts := range now {
		for _, p := range parts {
			owners[p]++
		}
	}
	if len(owners) != 4 {
		t.Errorf("partitions shared as %v", now)
	}
}
