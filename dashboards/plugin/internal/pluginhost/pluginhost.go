// Package pluginhost starts the plugin's binary and speaks with it as Grafana does: hashicorp/go-plugin
// over a Unix socket, with Grafana's cookie and protocol version. It is for tests and measurements, and
// must not know what the plugin answers.
package pluginhost

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/grpcplugin"
	"github.com/grafana/grafana-plugin-sdk-go/experimental/datasourcetest"
	"github.com/grafana/grafana-plugin-sdk-go/genproto/pluginv2"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
)

// PluginID is the id of plugin.json.
const PluginID = "landfall-residency-datasource"

// startTimeout bounds the wait for the handshake.
const startTimeout = 30 * time.Second

// Plugin is a running binary. Its methods are QueryData, CheckHealth and CallResource of the SDK's types;
// Stream has the rest.
type Plugin struct {
	*datasourcetest.TestPluginClient
	Stream pluginv2.StreamClient

	client *plugin.Client
}

// Options say how the binary is started.
type Options struct {
	Env []string  // beside PATH, HOME and the like of this process
	Log io.Writer // what the plugin writes to stderr; nil: nowhere
}

// Start starts the binary and waits for its handshake.
func Start(ctx context.Context, binary string, o Options) (*Plugin, error) {
	command := exec.Command(binary) //nolint:noctx // its life is Stop's: a cancelled start must not leave half a handshake
	command.Env = o.Env
	log := o.Log
	if log == nil {
		log = io.Discard
	}
	client := plugin.NewClient(&plugin.ClientConfig{
		Cmd: command,
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion: grpcplugin.ProtocolVersion,
			MagicCookieKey:  grpcplugin.MagicCookieKey, MagicCookieValue: grpcplugin.MagicCookieValue,
		},
		VersionedPlugins: map[int]plugin.PluginSet{grpcplugin.ProtocolVersion: {
			"diagnostics": &grpcplugin.DiagnosticsGRPCPlugin{}, "resource": &grpcplugin.ResourceGRPCPlugin{},
			"data": &grpcplugin.DataGRPCPlugin{}, "stream": &grpcplugin.StreamGRPCPlugin{},
		}},
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		StartTimeout:     startTimeout,
		Stderr:           log,
		Logger:           hclog.NewNullLogger(),
	})
	protocol, err := client.Client()
	if err != nil {
		client.Kill()
		return nil, fmt.Errorf("start %s: %w", binary, err)
	}
	g, ok := protocol.(*plugin.GRPCClient)
	if !ok {
		client.Kill()
		return nil, fmt.Errorf("start %s: it speaks %T, not gRPC", binary, protocol)
	}
	p := &Plugin{
		TestPluginClient: &datasourcetest.TestPluginClient{
			DataClient:        pluginv2.NewDataClient(g.Conn),
			DiagnosticsClient: pluginv2.NewDiagnosticsClient(g.Conn),
			ResourceClient:    pluginv2.NewResourceClient(g.Conn),
		},
		Stream: pluginv2.NewStreamClient(g.Conn),
		client: client,
	}
	if err := ctx.Err(); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// Stop ends the binary, and returns when it is gone.
func (p *Plugin) Stop() { p.client.Kill() }

// Exited tells whether the binary has ended.
func (p *Plugin) Exited() bool { return p.client.Exited() }

// Pid is the binary's process id.
func (p *Plugin) Pid() int { return p.client.ReattachConfig().Pid }

// Source is a data source as an administrator has saved it.
type Source struct {
	UID, Name string
	JSONData  any               // its jsonData
	Secrets   map[string]string // its secureJsonData
	Updated   time.Time         // the plugin connects anew when this changes
}

// Context is what Grafana sends with every request: the plugin, who asks, and the data source.
func (s Source) Context(user *backend.User) (backend.PluginContext, error) {
	settings, err := json.Marshal(s.JSONData)
	if err != nil {
		return backend.PluginContext{}, fmt.Errorf("jsonData of %s: %w", s.UID, err)
	}
	return backend.PluginContext{
		PluginID: PluginID, User: user,
		DataSourceInstanceSettings: &backend.DataSourceInstanceSettings{
			ID: 1, UID: s.UID, Name: s.Name, Type: PluginID, JSONData: settings,
			DecryptedSecureJSONData: s.Secrets, Updated: s.Updated,
		},
	}, nil
}

// Resource sends one resource request and returns the whole answer.
func (p *Plugin) Resource(ctx context.Context, from backend.PluginContext, method, path string, body []byte) (status int, answer []byte, err error) {
	var all bytes.Buffer
	status = http.StatusOK
	err = p.CallResource(ctx, &backend.CallResourceRequest{
		PluginContext: from, Method: method, Path: path, URL: path, Body: body,
		Headers: map[string][]string{"Content-Type": {"application/json"}},
	}, backend.CallResourceResponseSenderFunc(func(r *backend.CallResourceResponse) error {
		if all.Len() == 0 {
			status = r.Status
		}
		_, err := all.Write(r.Body)
		return err
	}))
	if err != nil {
		return 0, nil, fmt.Errorf("resource %s %s: %w", method, path, err)
	}
	return status, all.Bytes(), nil
}
