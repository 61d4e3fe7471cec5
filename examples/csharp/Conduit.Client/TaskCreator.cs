using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Conduit.Client;

/// <summary>Creates tasks over HTTP. Lost answers and passing refusals are tried twice more, under the same idempotency key.</summary>
internal sealed class TaskCreator : IDisposable
{
    private const int Tries = 3;

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    private readonly HttpClient _http;

    public TaskCreator(string virtualKey, string baseUrl)
    {
        _http = new HttpClient { BaseAddress = new Uri(baseUrl), Timeout = TimeSpan.FromSeconds(30) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", virtualKey);
    }

    /// <summary>The id of the task.</summary>
    public async Task<string> CreateAsync<TRequest>(string path, TRequest request, CancellationToken cancellationToken)
        where TRequest : GenerationRequest
    {
        var idempotencyKey = request.IdempotencyKey ?? Guid.NewGuid().ToString();
        for (var previous = 0; ; previous++)
        {
            try
            {
                return await SendAsync(path, request, idempotencyKey, cancellationToken);
            }
            catch (Exception error) when (previous + 1 < Tries && IsPassing(error, cancellationToken))
            {
                await Task.Delay(ReconnectPolicy.Delay(previous), cancellationToken);
            }
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<string> SendAsync<TRequest>(
        string path, TRequest request, string idempotencyKey, CancellationToken cancellationToken)
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(request, options: Json) };
        message.Headers.Add("Idempotency-Key", idempotencyKey);
        using var response = await _http.SendAsync(message, cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            throw await RefusalAsync(response, cancellationToken);
        }

        var created = await response.Content.ReadFromJsonAsync<Created>(Json, cancellationToken);
        return created?.TaskId ?? throw new InvalidOperationException("The gateway's answer has no task id");
    }

    /// <summary>The gateway's words; a proxy in between may have answered something else.</summary>
    private static async Task<ConduitException> RefusalAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var status = response.StatusCode;
        var final = response.Headers.TryGetValues("x-should-retry", out var said) && said.Contains("false");
        var passing = !final && ((int)status is 408 or 429 or >= 500);
        try
        {
            var envelope = await response.Content.ReadFromJsonAsync<ErrorEnvelope>(Json, cancellationToken);
            return new ConduitException(envelope?.Error?.Message ?? $"HTTP {(int)status}", status, passing);
        }
        catch (Exception error) when (error is JsonException or NotSupportedException)
        {
            return new ConduitException($"HTTP {(int)status}", status, passing, error);
        }
    }

    private static bool IsPassing(Exception error, CancellationToken cancellationToken) => error switch
    {
        ConduitException refused => refused.IsPassing,
        HttpRequestException => true,
        TaskCanceledException => !cancellationToken.IsCancellationRequested,
        _ => false,
    };

    private sealed record Created(string? TaskId);

    private sealed record ErrorEnvelope(ErrorBody? Error);

    private sealed record ErrorBody(string? Message);
}
