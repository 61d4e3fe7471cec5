// Paints a picture, follows it, and saves it:
//
//   CONDUIT_KEY=condt_… dotnet run --project Conduit.Paint "a lighthouse in a storm" lighthouse.png
using Conduit.Client;
using Microsoft.AspNetCore.SignalR;

var prompt = args.ElementAtOrDefault(0) ?? "a fox crossing a snowy forest at night";
var file = args.ElementAtOrDefault(1) ?? "picture.png";
var key = Environment.GetEnvironmentVariable("CONDUIT_KEY");
if (key is null)
{
    Console.Error.WriteLine("CONDUIT_KEY is not set");
    return 1;
}

await using var client = new ConduitRealtimeClient(
    key, Environment.GetEnvironmentVariable("CONDUIT_URL") ?? "http://localhost:8787");
var ended = new TaskCompletionSource<TaskResult>(TaskCreationOptions.RunContinuationsAsynchronously);
client.Progress += (_, update) => Console.WriteLine($"{update.Progress}% {update.Message}");
client.Completed += (_, result) => ended.TrySetResult(result);
client.Failed += (_, result) => ended.TrySetResult(result);
client.Error += (_, error) => ended.TrySetException(error);
client.Disconnected += (_, error) => ended.TrySetException(error ?? new InvalidOperationException("The connection was closed"));

try
{
    await client.ConnectAsync(HubType.Image);
    await client.GenerateImageAsync(new ImageGenerationRequest
    {
        Model = "local/canvas",
        Prompt = prompt,
        // Slows the built-in painter down, so that there is a progress to see; leave it out with other models.
        ProviderOptions = new Dictionary<string, object> { ["steps"] = 10, ["step_ms"] = 300 },
    });
    var result = await ended.Task;
    if (result.ImageUrl is null)
    {
        Console.Error.WriteLine(result.Error);
        return 1;
    }

    // A result's address needs no key.
    using var http = new HttpClient();
    await File.WriteAllBytesAsync(file, await http.GetByteArrayAsync(result.ImageUrl));
    Console.WriteLine($"saved {file}");
    return 0;
}
catch (Exception error) when (error is HttpRequestException or InvalidOperationException or HubException)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}
