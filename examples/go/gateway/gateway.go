// Package gateway is what both programs share: creating a task, its events, and saving its result. Only the standard library.
package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// Event is what happened to a task; a snapshot has the task itself instead.
type Event struct {
	ID       string `json:"id"`
	TaskID   string `json:"taskId"`
	Type     string `json:"type"`
	Status   string `json:"status"`
	Progress int    `json:"progress"`
	Message  string `json:"message"`
	Error    string `json:"error"`
	Task     *Event `json:"task"`
	Result   *struct {
		Images []struct {
			URL string `json:"url"`
		} `json:"images"`
	} `json:"result"`
}

// Show prints the event, or the task of a snapshot. It answers which, and whether nothing more will come.
func (e Event) Show() (state Event, over bool) {
	if e.Type == "reset" {
		return e, false // Events were lost; a snapshot follows.
	}
	if e.Task != nil {
		e = *e.Task
	}
	fmt.Printf("%s %d%% %s\n", e.Status, e.Progress, e.Message)
	return e, e.Status == "completed" || e.Status == "failed" || e.Status == "cancelled"
}

// Refused is an answer of the gateway that will not change when it is asked for again.
type Refused struct {
	Status  int
	Message string
}

func (r *Refused) Error() string { return r.Message }

// Client speaks to the gateway of the environment: CONDUIT_URL and CONDUIT_KEY.
type Client struct {
	Base string
	key  string
}

// fromEnvironment fails where there is no key.
func fromEnvironment() (*Client, error) {
	key := os.Getenv("CONDUIT_KEY")
	if key == "" {
		return nil, errors.New("CONDUIT_KEY is not set")
	}
	base := os.Getenv("CONDUIT_URL")
	if base == "" {
		base = "http://localhost:8787"
	}
	return &Client{Base: base, key: key}, nil
}

// Headers are those of every request.
func (c *Client) Headers() http.Header {
	return http.Header{"Authorization": {"Bearer " + c.key}, "Content-Type": {"application/json"}}
}

// createImage answers the id of the task.
func (c *Client) createImage(ctx context.Context, prompt string) (string, error) {
	body, err := json.Marshal(map[string]any{
		"model":  "local/canvas",
		"prompt": prompt,
		// Slows the built-in painter down, so that there is a progress to see; leave it out with other models.
		"provider_options": map[string]int{"steps": 10, "step_ms": 300},
	})
	if err != nil {
		return "", err
	}
	ctx, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, "POST", c.Base+"/v1/images/generations/async", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	request.Header = c.Headers()
	// The same key makes the same task, however often a lost answer is asked for again.
	request.Header.Set("Idempotency-Key", rand.Text())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", RefusalOf(response)
	}
	var created Event
	err = json.NewDecoder(response.Body).Decode(&created)
	return created.TaskID, err
}

// RefusalOf reads the gateway's words; a proxy in between may have answered something else.
func RefusalOf(response *http.Response) *Refused {
	var body struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.NewDecoder(response.Body).Decode(&body) != nil || body.Error.Message == "" {
		body.Error.Message = response.Status
	}
	return &Refused{response.StatusCode, body.Error.Message}
}

// Stream reads one connection's events, keeps the position of the last one in lastID, and answers the one that ends the task. It fails
// where the connection ends before.
type Stream func(ctx context.Context, client *Client, taskID string, lastID *string) (Event, error)

// Paint creates a task of the command line's prompt, follows it to its end and saves its picture.
func Paint(stream Stream) error {
	prompt, file := "a fox crossing a snowy forest at night", "picture.png"
	if len(os.Args) > 1 {
		prompt = os.Args[1]
	}
	if len(os.Args) > 2 {
		file = os.Args[2]
	}
	client, err := fromEnvironment()
	if err != nil {
		return err
	}
	ctx := context.Background()
	taskID, err := client.createImage(ctx, prompt)
	if err != nil {
		return err
	}
	lastID := ""
	for {
		state, err := stream(ctx, client, taskID, &lastID)
		var refused *Refused
		if errors.As(err, &refused) && refused.Status < 500 {
			return err
		}
		if err == nil {
			return save(state, file)
		}
		// The connection broke: the log is on the server, and the next connection goes on behind lastID.
		time.Sleep(time.Second)
	}
}

// save writes the picture of a completed task into a file. Its address needs no key.
func save(state Event, file string) error {
	if state.Status != "completed" {
		return fmt.Errorf("the task has %s: %s", state.Status, state.Error)
	}
	response, err := http.Get(state.Result.Images[0].URL)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	picture, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file, picture, 0o644); err != nil {
		return err
	}
	fmt.Println("saved", file)
	return nil
}
