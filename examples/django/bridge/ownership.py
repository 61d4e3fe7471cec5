"""Who made which task. Users may share a virtual key, and then the gateway cannot tell them apart: this does."""

from django.core.cache import cache

KEPT_SECONDS = 3600


async def remember_owner(task_id: str, user_id: int) -> None:
    await cache.aset(_name(task_id), user_id, KEPT_SECONDS)


async def is_owner(task_id: str, user_id: int) -> bool:
    return await cache.aget(_name(task_id)) == user_id


def _name(task_id: str) -> str:
    return f"conduit-task-owner:{task_id.lower()}"
