using System.Net;
using System.Text.Json;

namespace Conduit.Client;

public enum TaskOutcome
{
    Completed,
    Failed,
    Cancelled,
}

/// <param name="Progress">0 to 100, never lower than before.</param>
public sealed record ProgressUpdate(string TaskId, int Progress, string? Message, double? EstimatedSecondsRemaining);

/// <param name="ImageUrl">Of the first picture.</param>
/// <param name="VideoUrl">Of the first film.</param>
/// <param name="Metadata">The task's own.</param>
public sealed record TaskResult(
    string TaskId,
    TaskOutcome Status,
    string? ImageUrl,
    string? VideoUrl,
    string? Error,
    IReadOnlyDictionary<string, JsonElement> Metadata);

/// <summary>The gateway refused, in its own words.</summary>
public sealed class ConduitException(string message, HttpStatusCode status, bool isPassing, Exception? inner = null)
    : HttpRequestException(message, inner, status)
{
    /// <summary>Whether the same request may be answered otherwise later.</summary>
    public bool IsPassing { get; } = isPassing;
}

/// <summary>An event of the tasks hub. A snapshot has the task itself instead of what happened to it.</summary>
internal sealed record HubEvent(
    string Type,
    string? Id,
    string? TaskId,
    string? Status,
    int Progress,
    string? Message,
    double? EstimatedSecondsRemaining,
    string? Error,
    IReadOnlyDictionary<string, JsonElement>? Metadata,
    HubEventResult? Result,
    HubEvent? Task)
{
    public HubEvent State => Task ?? this;

    public bool IsOver => Status is "completed" or "failed" or "cancelled";

    public ProgressUpdate ToProgress() => new(TaskId!, Progress, Message, EstimatedSecondsRemaining);

    public TaskResult ToResult() => new(
        TaskId!,
        Enum.Parse<TaskOutcome>(Status!, ignoreCase: true),
        Result?.Images?.FirstOrDefault()?.Url,
        Result?.Videos?.FirstOrDefault()?.Url,
        Error ?? (Status == "cancelled" ? "Task was cancelled" : null),
        Metadata ?? new Dictionary<string, JsonElement>());
}

internal sealed record HubEventResult(IReadOnlyList<HubEventItem>? Images, IReadOnlyList<HubEventItem>? Videos);

internal sealed record HubEventItem(string Url);
