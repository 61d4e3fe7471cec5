import com.google.gson.Gson;
import com.google.gson.JsonObject;
import com.google.gson.JsonSyntaxException;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;

/** What both programs share: creating a task, and saving its picture. */
final class Gateway {
    /** The gateway answered that it will not. */
    static final class Refused extends Exception {
        final int status;

        Refused(int status, String message) {
            super(message);
            this.status = status;
        }
    }

    static final Gson JSON = new Gson();

    final String base = System.getenv().getOrDefault("CONDUIT_URL", "http://localhost:8787");
    final String key;
    final HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();

    Gateway() {
        key = System.getenv("CONDUIT_KEY");
        if (key == null) {
            throw new IllegalStateException("CONDUIT_KEY is not set");
        }
    }

    HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(base + path)).header("Authorization", "Bearer " + key);
    }

    /** The id of the task. */
    String createImage(String prompt) throws IOException, InterruptedException, Refused {
        String body = JSON.toJson(Map.of(
            "model", "local/canvas",
            "prompt", prompt,
            // Slows the built-in painter down, so that there is a progress to see; leave it out with other models.
            "provider_options", Map.of("steps", 10, "step_ms", 300)));
        HttpResponse<String> created = http.send(
            request("/v1/images/generations/async")
                .timeout(Duration.ofSeconds(30))
                .header("Content-Type", "application/json")
                // The same key makes the same task, however often a lost answer is asked for again.
                .header("Idempotency-Key", UUID.randomUUID().toString())
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build(),
            BodyHandlers.ofString());
        if (created.statusCode() != 200) {
            throw refusal(created.statusCode(), created.body());
        }
        return JSON.fromJson(created.body(), JsonObject.class).get("taskId").getAsString();
    }

    /** The gateway's words; a proxy in between may have answered something else. */
    static Refused refusal(int status, String body) {
        try {
            JsonObject error = JSON.fromJson(body, JsonObject.class).getAsJsonObject("error");
            return new Refused(status, error.get("message").getAsString());
        } catch (JsonSyntaxException | NullPointerException | IllegalStateException | ClassCastException unknown) {
            return new Refused(status, "HTTP " + status);
        }
    }

    /** A result's address needs no key. */
    void save(String url, Path file) throws IOException, InterruptedException {
        HttpRequest picture = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofMinutes(1)).build();
        int status = http.send(picture, BodyHandlers.ofFile(file)).statusCode();
        if (status != 200) {
            throw new IOException("The picture answered " + status);
        }
        System.out.println("saved " + file);
    }
}
