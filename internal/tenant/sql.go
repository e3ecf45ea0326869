package tenant

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// MaxMemory is what one question of a tenant may use, in bytes.
const MaxMemory = 4 << 30

// Statements are what an administrator runs on a ClickHouse of his own, one after the other and as
// often as the tenants change: the logins, the policies of every table, and the rights, in this
// order, so that no login sees more than it may for a moment. They also say, of every table, that
// everybody else goes on seeing all: a server may be set up so that a table with a policy for one
// shows nothing to the others. Where cluster is not empty, each is for the whole cluster. They hold
// the passwords' hashes only; every tenant needs a password.
func Statements(database, cluster string, tenants []Tenant) []string {
	if len(tenants) == 0 {
		return nil
	}
	on := ""
	if cluster != "" {
		on = " ON CLUSTER " + quote(cluster)
	}
	var all, logins []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	for i := range tenants {
		t := &tenants[i]
		user := t.LoginName()
		logins = append(logins, user)
		sum := sha256.Sum256([]byte(t.Password.Reveal()))
		identified := "IDENTIFIED WITH sha256_hash BY " + quote(hex.EncodeToString(sum[:]))
		add("CREATE USER IF NOT EXISTS %s%s %s", user, on, identified)
		// readonly = 2 and not 1: questions bound their own time by a setting.
		add("ALTER USER %s%s %s SETTINGS readonly = 2, max_memory_usage = %d MAX %d", user, on, identified, int64(MaxMemory), int64(MaxMemory))
		for _, table := range Scoped {
			add("CREATE ROW POLICY OR REPLACE landfall_%s%s ON %s.%s AS PERMISSIVE FOR SELECT USING %s TO %s",
				t.Name, on, database, table, t.Filter(), user)
		}
	}
	slices.Sort(logins)
	for _, table := range Scoped {
		add("CREATE ROW POLICY OR REPLACE landfall_others%s ON %s.%s AS PERMISSIVE FOR SELECT USING 1 TO ALL EXCEPT %s",
			on, database, table, strings.Join(logins, ", "))
	}
	for _, user := range logins {
		add("REVOKE%s ALL ON *.* FROM %s", on, user)
		for _, right := range Rights(database) {
			add("GRANT%s %s TO %s", on, right, user)
		}
	}
	return all
}
