// Follows a task with philippseith/signalr, and once more over a new connection:
// main <hub> <key> <protocol> <task> <transport>
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/philippseith/signalr"
)

type receiver struct {
	signalr.Receiver
	told      string
	completed chan struct{}
}

func (r *receiver) TaskProgress(id string, percent int) {
	fmt.Println("progress", percent)
}

func (r *receiver) TaskCompleted(id string, result map[string]interface{}) {
	fmt.Println(r.told, id, result["image_url"])
	close(r.completed)
}

func follow(told string) error {
	hub, key, protocol, task, transport := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	headers := func() http.Header { return http.Header{"Authorization": {"Bearer " + key}} }
	if transport == "ServerSentEvents" {
		// Its POSTs beside an event stream bring no headers.
		hub += "?access_token=" + key
	}
	format := signalr.TransferFormatText
	if protocol == "messagepack" {
		format = signalr.TransferFormatBinary
	}
	follower := &receiver{told: told, completed: make(chan struct{})}
	client, err := signalr.NewClient(ctx,
		signalr.WithReceiver(follower),
		signalr.TransferFormat(format),
		signalr.WithHttpConnection(ctx, hub,
			signalr.WithHTTPHeaders(headers),
			signalr.WithTransports(signalr.TransportType(transport))))
	if err != nil {
		return err
	}
	client.Start()
	if called := <-client.Invoke("SubscribeToTask", task); called.Error != nil {
		return called.Error
	}
	<-follower.completed
	client.Stop()
	return nil
}

func main() {
	for _, told := range []string{"completed", "again"} {
		if err := follow(told); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
