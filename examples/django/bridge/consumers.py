"""The bridge: a browser's socket on one side, the gateway on the other. The virtual key stays on this side."""

from typing import Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings

from conduit_realtime import ConduitError, ConduitRealtimeClient, ProgressUpdate, TaskResult

from .models import ConduitKey
from .ownership import is_owner, remember_owner

NO_KEY = 4001
NOT_REACHABLE = 4002
MODEL = "local/canvas"
# Task ids are UUIDs; this bounds what comes into the cache's key.
LONGEST_ID = 64


class ConduitConsumer(AsyncJsonWebsocketConsumer):
    """One for each socket. Takes `generate_image`, `subscribe` and `unsubscribe`; says what becomes of them."""

    conduit: ConduitRealtimeClient | None = None

    async def connect(self) -> None:
        # Before anything else: a browser cannot read why a handshake was refused, but it can read a close code.
        await self.accept()
        self.user = self.scope["user"]
        key = await ConduitKey.objects.filter(user_id=self.user.pk).afirst()
        if key is None:
            await self.send_json({"type": "connection_error", "error": "No virtual key"})
            return await self.close(code=NO_KEY)
        self.conduit = ConduitRealtimeClient(key.virtual_key, settings.CONDUIT_URL)
        self.conduit.on("progress", self._progress)
        self.conduit.on("completed", self._completed)
        self.conduit.on("failed", self._failed)
        self.conduit.on("disconnected", self._disconnected)
        try:
            await self.conduit.connect("image")
        except ConduitError:
            await self.send_json({"type": "connection_error", "error": "Conduit cannot be reached"})
            return await self.close(code=NOT_REACHABLE)
        await self.send_json({"type": "connection_established"})

    async def disconnect(self, code: int) -> None:
        if self.conduit is not None:
            self.conduit.off("disconnected", self._disconnected)
            await self.conduit.__aexit__()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **further: Any) -> None:
        try:
            await super().receive(text_data=text_data, bytes_data=bytes_data, **further)
        except ValueError:
            await self._error("Messages are JSON text")

    async def receive_json(self, content: Any, **_: Any) -> None:
        try:
            match content:
                case {"type": "generate_image", "prompt": str(prompt)}:
                    await self._generate(content.get("model") or MODEL, prompt, content.get("size"))
                case {"type": "subscribe", "task_id": str(task_id)} if await self._may(task_id):
                    await self.conduit.subscribe_to_task(task_id, "image")
                case {"type": "unsubscribe", "task_id": str(task_id)} if await self._may(task_id):
                    await self.conduit.unsubscribe_from_task(task_id)
                case {"type": "subscribe" | "unsubscribe", "task_id": str()}:
                    await self._error("Unauthorized")
                case _:
                    await self._error(
                        "Expected generate_image with a prompt, or subscribe or unsubscribe with a task_id"
                    )
        except ConduitError as error:
            await self._error(str(error))

    async def _generate(self, model: str, prompt: str, size: str | None) -> None:
        # Created, then told and remembered, then followed: so that the browser knows the task before its first progress.
        task_id = await self.conduit.generate_image(model, prompt, size, follow=False)
        await remember_owner(task_id, self.user.pk)
        await self.send_json({"type": "generation_started", "task_id": task_id})
        await self.conduit.subscribe_to_task(task_id, "image")

    async def _may(self, task_id: str) -> bool:
        return len(task_id) <= LONGEST_ID and await is_owner(task_id, self.user.pk)

    async def _progress(self, update: ProgressUpdate) -> None:
        await self.send_json(
            {"type": "progress", "task_id": update.task_id, "progress": update.progress, "message": update.message}
        )

    async def _completed(self, result: TaskResult) -> None:
        await self.send_json(
            {
                "type": "completed",
                "task_id": result.task_id,
                "image_url": result.image_url,
                "metadata": result.metadata,
            }
        )

    async def _failed(self, result: TaskResult) -> None:
        await self.send_json({"type": "failed", "task_id": result.task_id, "error": result.error})

    async def _disconnected(self, _: Any) -> None:
        """The gateway could not be reached again."""
        await self.close(code=NOT_REACHABLE)

    async def _error(self, text: str) -> None:
        await self.send_json({"type": "error", "error": text})
