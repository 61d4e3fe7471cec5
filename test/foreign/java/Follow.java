import com.google.gson.JsonObject;
import com.microsoft.signalr.HubConnection;
import com.microsoft.signalr.HubConnectionBuilder;
import com.microsoft.signalr.TransportEnum;
import io.reactivex.rxjava3.core.Single;
import java.util.concurrent.CountDownLatch;

/** Follows a task with Microsoft's client, and once more over a new connection: Follow hub key task transport. */
public class Follow {
    public static void main(String[] args) throws Exception {
        follow(args, "completed");
        follow(args, "again");
        // The client's threads are not daemons.
        System.exit(0);
    }

    private static void follow(String[] args, String told) throws Exception {
        TransportEnum transport = args[3].equals("LongPolling") ? TransportEnum.LONG_POLLING : TransportEnum.WEBSOCKETS;
        HubConnection hub = HubConnectionBuilder.create(args[0])
            .withTransport(transport)
            .withAccessTokenProvider(Single.just(args[1]))
            .build();
        CountDownLatch completed = new CountDownLatch(1);
        hub.on("TaskProgress", (id, percent) -> System.out.println("progress " + percent), String.class, Integer.class);
        hub.on("TaskCompleted", (id, result) -> {
            System.out.println(told + " " + id + " " + result.get("image_url").getAsString());
            completed.countDown();
        }, String.class, JsonObject.class);
        hub.start().blockingAwait();
        hub.invoke("SubscribeToTask", args[2]).blockingAwait();
        completed.await();
        hub.stop().blockingAwait();
    }
}
