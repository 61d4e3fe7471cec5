import com.google.gson.JsonObject;
import com.microsoft.signalr.HubConnection;
import com.microsoft.signalr.HubConnectionBuilder;
import io.reactivex.rxjava3.core.Single;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Paints a picture and follows it through the SignalR hub: Follow "a lighthouse in a storm" lighthouse.png */
public final class Follow {
    private static final int MOST_CONNECTIONS = 10;

    /** What the hub said that ends the waiting: an address, a failure, or (with neither) that the connection was lost. */
    private record End(String url, String failure) {}

    private final Gateway gateway = new Gateway();
    private final BlockingQueue<End> ends = new LinkedBlockingQueue<>();
    private final HubConnection hub = HubConnectionBuilder.create(gateway.base + "/hubs/image-generation")
        .withAccessTokenProvider(Single.just(gateway.key))
        .build();

    public static void main(String[] args) throws Exception {
        String prompt = args.length > 0 ? args[0] : "a balloon over mountains";
        Path file = Path.of(args.length > 1 ? args[1] : "picture.png");
        int code = 1;
        try {
            code = new Follow().paint(prompt, file);
        } catch (Gateway.Refused refused) {
            System.err.println(refused.getMessage());
        }
        // The library's threads are no daemons.
        System.exit(code);
    }

    private int paint(String prompt, Path file) throws Exception {
        String taskId = gateway.createImage(prompt);
        hub.on("TaskProgress", (id, percent) -> System.out.println(percent + "%"), String.class, Integer.class);
        hub.on("TaskCompleted", (id, result) -> ends.add(new End(result.get("image_url").getAsString(), null)), String.class, JsonObject.class);
        hub.on("TaskFailed", (id, reason) -> ends.add(new End(null, reason)), String.class, String.class);
        hub.onClosed(error -> ends.add(new End(null, null)));
        End end = follow(taskId);
        if (end.url() == null) {
            System.err.println(end.failure());
            return 1;
        }
        hub.stop().blockingAwait();
        gateway.save(end.url(), file);
        return 0;
    }

    /** The library does not reconnect by itself. A new connection is told the task as it is, so an end in between is not missed. */
    private End follow(String taskId) throws InterruptedException {
        Exception lost = null;
        for (int connection = 1; connection <= MOST_CONNECTIONS; connection++) {
            try {
                hub.start().blockingAwait();
                hub.invoke("SubscribeToTask", taskId).blockingAwait();
                End end = ends.take();
                if (end.url() != null || end.failure() != null) {
                    return end;
                }
            } catch (RuntimeException error) {
                lost = error;
                ends.clear();
            }
            TimeUnit.SECONDS.sleep(Math.min(connection, 5));
        }
        return new End(null, "The hub cannot be reached: " + lost);
    }
}
