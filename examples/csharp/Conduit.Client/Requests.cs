using System.Text.Json.Serialization;

namespace Conduit.Client;

public enum HubType
{
    Image,
    Video,
}

/// <summary>What both kinds of request have.</summary>
public abstract record GenerationRequest
{
    public required string Model { get; init; }

    public required string Prompt { get; init; }

    public string? Size { get; init; }

    /// <summary>Options of the model, as <c>GET /v1/models</c> lists them.</summary>
    [JsonPropertyName("provider_options")]
    public IReadOnlyDictionary<string, object>? ProviderOptions { get; init; }

    /// <summary>The same key makes the same task, however often it is asked for. Each call has one of its own where this is null.</summary>
    [JsonIgnore]
    public string? IdempotencyKey { get; init; }
}

public sealed record ImageGenerationRequest : GenerationRequest
{
    /// <summary>How many pictures, 1 to 10.</summary>
    public int? N { get; init; }
}

public sealed record VideoGenerationRequest : GenerationRequest
{
    /// <summary>In seconds.</summary>
    public double? Duration { get; init; }
}
