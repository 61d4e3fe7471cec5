"""The client: creates tasks over HTTP and follows them over one hub connection, with reconnects that lose and double nothing."""

import asyncio
import inspect
import logging
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import httpx
from websockets.exceptions import ConnectionClosed

from .hub import HubConnection, error_message
from .messages import ENDS, ConduitError, progress_of, result_of

DEFAULT_URL = "http://localhost:8787"
TRIES = 3
MOST_WAIT_SECONDS = 30
NOT_CONNECTED = "Not connected to hub"

log = logging.getLogger("conduit")
HubType = Literal["image", "video"]


@dataclass
class _Followed:
    position: str | None = None
    """Of the last event: where a new connection goes on."""
    told: tuple[int, str | None] = (-1, None)


class ConduitRealtimeClient:
    """
    `on(event, handler)` for `connected disconnected reconnecting reconnected subscribed unsubscribed progress completed failed
    error`; handlers may be functions or coroutines, and are called one after the other.

        async with ConduitRealtimeClient(virtual_key, base_url) as client:
            client.on("progress", print)
            await client.connect("image")
            await client.generate_image("local/canvas", "a fox")
    """

    def __init__(
        self,
        virtual_key: str,
        base_url: str = DEFAULT_URL,
        max_reconnect_attempts: int = 5,
        enable_logging: bool = False,
    ) -> None:
        self._key = virtual_key
        self._base = base_url.rstrip("/")
        self._attempts = max_reconnect_attempts
        self._logging = enable_logging
        self._http = httpx.AsyncClient(headers={"Authorization": f"Bearer {virtual_key}"}, timeout=30)
        self._handlers: dict[str, list[Callable[[Any], Any]]] = {}
        self._followed: dict[str, _Followed] = {}
        self._hub: HubConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        # What handlers are still to hear. Progress waits once for each task, as the newest there is: so this is bounded.
        self._events: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._newest: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.disconnect()
        await self._http.aclose()

    @property
    def is_connected(self) -> bool:
        return self._hub is not None

    def on(self, event: str, handler: Callable[[Any], Any]) -> None:
        self._handlers.setdefault(event, []).append(handler)

    def off(self, event: str, handler: Callable[[Any], Any]) -> None:
        if handler in self._handlers.get(event, []):
            self._handlers[event].remove(handler)

    async def connect(self, hub_type: HubType) -> None:
        """
        Replaces the connection there is, or that was lost; tasks that are followed stay so. One connection serves pictures and films.
        Raises `ConduitError` where it cannot be made.
        """
        await self._stop()
        self._hub = await self._open()
        self._tasks = [asyncio.create_task(self._keep_connected()), asyncio.create_task(self._call_handlers())]
        self._tell("connected", {"hub_type": hub_type})

    async def disconnect(self) -> None:
        """Follows nothing any more; handlers hear what came before. `connect` begins anew."""
        if not self._tasks:
            return
        keeper, caller = self._tasks
        self._followed.clear()
        if not keeper.done():
            keeper.cancel()
            self._tell("disconnected", {"error": None})
        # A handler that calls this is not waited for: it would wait for itself.
        if asyncio.current_task() is not caller:
            await self._events.join()
        await self._stop()

    async def subscribe_to_task(self, task_id: str, task_type: HubType) -> None:
        """Follows a task until its end; its state comes first. Again is no error."""
        if self._hub is None:
            raise ConduitError(NOT_CONNECTED)
        if task_id.lower() not in self._followed:
            self._followed[task_id.lower()] = _Followed()
            try:
                await self._hub.invoke("Subscribe", task_id.lower())
            except ConduitError:
                self._followed.pop(task_id.lower(), None)
                raise
        self._tell("subscribed", {"task_id": task_id, "task_type": task_type})

    async def unsubscribe_from_task(self, task_id: str) -> None:
        if self._hub is None:
            raise ConduitError(NOT_CONNECTED)
        self._followed.pop(task_id.lower(), None)
        await self._hub.invoke("Unsubscribe", task_id.lower())
        self._tell("unsubscribed", {"task_id": task_id})

    async def generate_image(
        self,
        model: str,
        prompt: str,
        size: str | None = None,
        n: int | None = None,
        *,
        follow: bool = True,
        **further: Any,
    ) -> str:
        """
        The id of the task, which is followed when this client is connected. `further` are other fields of the request. Raises
        `ConduitError` where it is refused.
        """
        return await self._generate(
            "image", {"model": model, "prompt": prompt, "size": size, "n": n, **further}, follow
        )

    async def generate_video(
        self,
        model: str,
        prompt: str,
        duration: float | None = None,
        size: str | None = None,
        *,
        follow: bool = True,
        **further: Any,
    ) -> str:
        """The same for a film."""
        body = {"model": model, "prompt": prompt, "duration": duration, "size": size, **further}
        return await self._generate("video", body, follow)

    async def _generate(self, task_type: HubType, body: dict[str, Any], follow: bool) -> str:
        task_id = await self._create(task_type, body)
        if follow and self._hub is not None:
            try:
                await self.subscribe_to_task(task_id, task_type)
            except ConduitError as error:
                self._tell("error", {"type": "subscribe", "error": error})
        return task_id

    async def _create(self, task_type: HubType, body: dict[str, Any]) -> str:
        path = f"{self._base}/v1/{task_type}s/generations/async"
        # The same key makes the same task, however often a lost answer is asked for again.
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        for tries_left in reversed(range(TRIES)):
            try:
                created = await self._http.post(path, json=body, headers=headers)
            except httpx.TransportError as error:
                if not tries_left:
                    raise ConduitError(f"The gateway cannot be reached: {error!r}") from error
            else:
                if created.is_success:
                    return created.json()["taskId"]
                passing = created.status_code in (408, 429) or created.is_server_error
                if not tries_left or not passing or created.headers.get("x-should-retry") == "false":
                    raise ConduitError(
                        error_message(created, f"{task_type.capitalize()} generation failed"), created.status_code
                    )
            await asyncio.sleep(_wait_seconds(TRIES - tries_left))
        raise AssertionError("The last try answers or raises")

    async def _open(self) -> HubConnection:
        return await HubConnection.open(self._http, f"{self._base}/hubs/tasks", self._key, self._heard)

    async def _keep_connected(self) -> None:
        while self._hub is not None:
            hub = self._hub
            lost: Exception | None = None
            subscribing = asyncio.create_task(self._subscribe_again(hub))
            try:
                await hub.run()
            except (ConduitError, ConnectionClosed) as error:
                lost = error
            finally:
                subscribing.cancel()
            self._hub = None
            if hub.may_reconnect:
                lost = await self._reconnect(lost)
            if self._hub is None:
                self._tell("disconnected", {"error": lost})

    async def _reconnect(self, lost: Exception | None) -> Exception | None:
        """Why it was not reached again, where it was not."""
        self._tell("reconnecting", {"error": lost})
        for attempt in range(1, self._attempts + 1):
            await asyncio.sleep(_wait_seconds(attempt))
            try:
                self._hub = await self._open()
            except ConduitError as error:
                lost = error
                if error.status in (401, 403):
                    break
                continue
            self._tell("reconnected", {"connection_id": self._hub.connection_id})
            return None
        return lost

    async def _subscribe_again(self, hub: HubConnection) -> None:
        """A new connection follows nothing yet; each task goes on behind what was heard of it last."""
        for task_id, followed in list(self._followed.items()):
            if self._followed.get(task_id) is not followed:
                continue
            try:
                await hub.invoke("Subscribe", task_id, followed.position)
            except ConduitError as error:
                # Either the task is gone, or the connection is: then the next one subscribes.
                if hub.is_open:
                    self._followed.pop(task_id, None)
                    self._tell("error", {"type": "subscribe", "error": error})

    def _heard(self, target: str, arguments: list[Any]) -> None:
        if target.lower() != "taskevent":
            return
        event = arguments[0]
        state = event["task"] if event["type"] == "snapshot" else event
        followed = self._followed.get(state.get("taskId", ""))
        if followed is None:
            return  # Not followed any more; or a reset, which a snapshot follows.
        followed.position = event["id"]
        if state["status"] in ENDS:
            result = result_of(state)
            del self._followed[result.task_id]
            self._tell("completed" if result.status == "completed" else "failed", result)
            return
        update = progress_of(state)
        told = (update.progress, update.message)
        if update.progress >= followed.told[0] and told != followed.told:
            followed.told = told
            self._tell("progress", update)

    def _tell(self, event: str, payload: Any) -> None:
        if self._logging:
            log.info("%s %s", event, payload)
        if event == "progress":
            waits = payload.task_id in self._newest
            self._newest[payload.task_id] = payload
            if waits:
                return
        self._events.put_nowait((event, payload))

    async def _call_handlers(self) -> None:
        while asyncio.current_task() in self._tasks or not self._events.empty():
            event, payload = await self._events.get()
            if event == "progress":
                payload = self._newest.pop(payload.task_id)
            try:
                for handler in list(self._handlers.get(event, [])):
                    await self._call(handler, event, payload)
            finally:
                self._events.task_done()

    async def _call(self, handler: Callable[[Any], Any], event: str, payload: Any) -> None:
        try:
            answer = handler(payload)
            if inspect.isawaitable(answer):
                await answer
        except Exception:
            log.exception("A handler of %s raised", event)

    async def _stop(self) -> None:
        hub, self._hub, tasks, self._tasks = self._hub, None, self._tasks, []
        if hub is not None:
            await hub.close()
        others = [task for task in tasks if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


def _wait_seconds(attempt: int) -> float:
    """1, 2, 4 ... s, of which half is random: clients that were cut off together do not come back together."""
    most = min(2 ** (attempt - 1), MOST_WAIT_SECONDS)
    return most * random.uniform(0.5, 1)
