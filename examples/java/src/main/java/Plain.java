import com.google.gson.JsonObject;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/** Paints a picture over plain HTTP and follows it by Server-Sent Events: Plain "a lighthouse in a storm" lighthouse.png */
public final class Plain {
    private static final Set<String> ENDS = Set.of("completed", "failed", "cancelled");

    private final Gateway gateway = new Gateway();
    private String lastId = "";

    public static void main(String[] args) throws Exception {
        String prompt = args.length > 0 ? args[0] : "a fox crossing a snowy forest at night";
        Path file = Path.of(args.length > 1 ? args[1] : "picture.png");
        try {
            new Plain().paint(prompt, file);
        } catch (Gateway.Refused refused) {
            System.err.println(refused.getMessage());
            System.exit(1);
        }
    }

    private void paint(String prompt, Path file) throws Exception {
        JsonObject state = follow(gateway.createImage(prompt));
        if (!state.get("status").getAsString().equals("completed")) {
            System.err.println(state.get("error").getAsString());
            System.exit(1);
        }
        JsonObject picture = state.getAsJsonObject("result").getAsJsonArray("images").get(0).getAsJsonObject();
        gateway.save(picture.get("url").getAsString(), file);
    }

    /** The last event of the task; goes on behind the last one it saw when the connection breaks. */
    private JsonObject follow(String taskId) throws InterruptedException, Gateway.Refused {
        while (true) {
            try {
                return read(taskId);
            } catch (IOException broken) {
                Thread.sleep(1_000);
            } catch (Gateway.Refused refused) {
                if (refused.status < 500) {
                    throw refused;
                }
                Thread.sleep(1_000);
            }
        }
    }

    /** Reads one connection. */
    private JsonObject read(String taskId) throws IOException, InterruptedException, Gateway.Refused {
        var request = gateway.request("/v1/tasks/" + taskId + "/events");
        if (!lastId.isEmpty()) {
            request.header("Last-Event-ID", lastId);
        }
        HttpResponse<InputStream> response = gateway.http.send(request.build(), BodyHandlers.ofInputStream());
        try (InputStream body = response.body(); var watch = new SilenceWatch(body)) {
            if (response.statusCode() != 200) {
                throw Gateway.refusal(response.statusCode(), new String(body.readAllBytes(), StandardCharsets.UTF_8));
            }
            var lines = new BufferedReader(new InputStreamReader(body, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                watch.heard();
                if (line.startsWith("id: ")) {
                    lastId = line.substring(4);
                }
                if (!line.startsWith("data: ")) {
                    continue;
                }
                JsonObject event = Gateway.JSON.fromJson(line.substring(6), JsonObject.class);
                if (event.get("type").getAsString().equals("reset")) {
                    continue; // Events were lost; a snapshot follows.
                }
                JsonObject state = event.has("task") ? event.getAsJsonObject("task") : event;
                String status = state.get("status").getAsString();
                System.out.println(status + " " + state.get("progress").getAsInt() + "%");
                if (ENDS.contains(status)) {
                    return state;
                }
            }
        }
        throw new IOException("The stream ended before the task");
    }

    /** Closes a stream that is silent for too long: a quiet one carries a comment line every 15 s, a dead one nothing. */
    private static final class SilenceWatch implements AutoCloseable {
        private final ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
        private final InputStream body;
        private Future<?> ending;

        SilenceWatch(InputStream body) {
            this.body = body;
            heard();
        }

        void heard() {
            if (ending != null) {
                ending.cancel(false);
            }
            ending = timer.schedule(() -> {
                body.close();
                return null;
            }, 40, TimeUnit.SECONDS);
        }

        @Override
        public void close() {
            timer.shutdownNow();
        }
    }
}
