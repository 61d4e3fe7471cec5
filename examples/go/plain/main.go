// Paints a picture over plain HTTP and follows it by Server-Sent Events, with nothing but the standard library.
//
//	CONDUIT_KEY=condt_... go run ./plain "a lighthouse in a storm" lighthouse.png
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"strings"
	"time"

	"conduit-examples/gateway"
)

// A silent stream carries a comment line every 15 s: silence for longer is a dead connection.
const silence = 40 * time.Second

func main() {
	log.SetFlags(0)
	if err := gateway.Paint(stream); err != nil {
		log.Fatal(err)
	}
}

// stream reads one connection; it fails where that ends before the task does.
func stream(ctx context.Context, client *gateway.Client, taskID string, lastID *string) (gateway.Event, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	watch := time.AfterFunc(silence, stop)
	defer watch.Stop()
	request, err := http.NewRequestWithContext(ctx, "GET", client.Base+"/v1/tasks/"+taskID+"/events", nil)
	if err != nil {
		return gateway.Event{}, err
	}
	request.Header = client.Headers()
	if *lastID != "" {
		request.Header.Set("Last-Event-ID", *lastID)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return gateway.Event{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return gateway.Event{}, gateway.RefusalOf(response)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		watch.Reset(silence)
		data, isData := strings.CutPrefix(lines.Text(), "data: ")
		if !isData {
			continue
		}
		var event gateway.Event
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			return event, err
		}
		if event.ID != "" {
			*lastID = event.ID
		}
		if state, over := event.Show(); over {
			return state, nil
		}
	}
	return gateway.Event{}, errors.Join(lines.Err(), errors.New("the stream ended before the task"))
}
