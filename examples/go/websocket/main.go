// Paints a picture and follows it over a WebSocket, one JSON event a message.
//
//	CONDUIT_KEY=condt_... go run ./websocket "a lighthouse in a storm" lighthouse.png
package main

import (
	"context"
	"log"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"conduit-examples/gateway"
)

const (
	pingEvery = 15 * time.Second
	// A result is longer than a usual message.
	largestMessage = 1 << 20
)

func main() {
	log.SetFlags(0)
	if err := gateway.Paint(socket); err != nil {
		log.Fatal(err)
	}
}

// socket reads one connection; it fails where that ends before the task does.
func socket(ctx context.Context, client *gateway.Client, taskID string, lastID *string) (gateway.Event, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	address := strings.Replace(client.Base, "http", "ws", 1) + "/v1/tasks/" + taskID + "/events?after=" + url.QueryEscape(*lastID)
	connection, response, err := websocket.Dial(ctx, address, &websocket.DialOptions{HTTPHeader: client.Headers()})
	if response != nil && response.StatusCode != http.StatusSwitchingProtocols {
		return gateway.Event{}, gateway.RefusalOf(response)
	}
	if err != nil {
		return gateway.Event{}, err
	}
	defer connection.CloseNow()
	connection.SetReadLimit(largestMessage)
	go keepAlive(ctx, stop, connection)
	for {
		var event gateway.Event
		err := wsjson.Read(ctx, connection, &event)
		if websocket.CloseStatus(err) == websocket.StatusPolicyViolation {
			return event, &gateway.Refused{Status: http.StatusForbidden, Message: "the key was disabled, revoked or has expired"}
		}
		if err != nil {
			return event, err
		}
		if event.ID != "" {
			*lastID = event.ID
		}
		if state, over := event.Show(); over {
			return state, connection.Close(websocket.StatusNormalClosure, "")
		}
	}
}

// keepAlive notices a dead connection, which says nothing by itself, and ends its reading.
func keepAlive(ctx context.Context, stop context.CancelFunc, connection *websocket.Conn) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pingEvery):
		}
		answered, cancel := context.WithTimeout(ctx, pingEvery)
		err := connection.Ping(answered)
		cancel()
		if err != nil {
			stop()
			return
		}
	}
}
