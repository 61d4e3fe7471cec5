"""Talks to /v1/realtime through OpenAI's library for Python: a spoken turn, a tool call, and an answer that is interrupted.

Prints what it saw as one line of JSON, by model. Arguments: address up to /v1, key, models.
"""

import asyncio
import base64
import json
import math
import struct
import sys

from openai import AsyncOpenAI

BASE, KEY, *MODELS = sys.argv[1:]
RATE = 24_000
FRAME = RATE // 50
LOUD = base64.b64encode(struct.pack(f"<{FRAME}h", *(int(8000 * math.sin(i / 10)) for i in range(FRAME)))).decode()
SILENT = base64.b64encode(bytes(FRAME * 2)).decode()
TOOL = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class Talk:
    def __init__(self, connection):
        self.connection = connection
        self.types = set()

    async def until(self, wanted):
        """The events up to the first of that kind, it among them."""
        seen = []
        while True:
            event = await self.connection.recv()
            self.types.add(event.type)
            seen.append(event)
            if event.type == wanted:
                return seen

    async def speak(self, loud, silent):
        for i in range(loud + silent):
            await self.connection.input_audio_buffer.append(audio=LOUD if i < loud else SILENT)


def of(events, kind):
    return [event for event in events if event.type == kind]


async def talk(openai, model):
    async with openai.realtime.connect(model=model) as connection:
        t = Talk(connection)
        await t.until("session.created")
        await connection.session.update(
            session={"type": "realtime", "output_modalities": ["audio"], "instructions": "Be brief.", "tools": [TOOL]}
        )
        await t.until("session.updated")

        await t.speak(25, 30)
        events = await t.until("response.done")
        deltas = of(events, "response.output_audio.delta")
        turn = {
            "frames": len(deltas),
            "ms": round(sum(len(base64.b64decode(delta.delta)) for delta in deltas) / 48),
            "status": events[-1].response.status,
            "transcript": of(events, "response.output_audio_transcript.done")[0].transcript,
            "speech": bool(of(events, "input_audio_buffer.speech_started")),
        }

        content = [{"type": "input_text", "text": '/tool weather {"city":"Rome"}'}]
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await connection.response.create()
        call = of(await t.until("response.done"), "response.output_item.done")[0].item
        output = {"type": "function_call_output", "call_id": call.call_id, "output": '{"weather":"sunny"}'}
        await connection.conversation.item.create(item=output)
        await connection.response.create()
        answer = of(await t.until("response.done"), "response.output_audio_transcript.done")[0]
        tool = {
            "name": call.name,
            "args": json.loads(call.arguments),
            "status": call.status,
            "answer": answer.transcript,
        }

        await t.speak(60, 30)
        await t.until("response.output_audio.delta")
        await t.speak(10, 0)
        events = await t.until("response.done")
        await t.speak(0, 30)
        following = (await t.until("response.done"))[-1]
        details = events[-1].response.status_details
        barge_in = {
            "speech": bool(of(events, "input_audio_buffer.speech_started")),
            "status": events[-1].response.status,
            "reason": details and details.reason,
            "next": following.response.status,
        }
        return {"turn": turn, "tool": tool, "bargeIn": barge_in, "errors": [], "types": sorted(t.types)}


async def main():
    openai = AsyncOpenAI(api_key=KEY, base_url=BASE)
    saw = await asyncio.gather(*(talk(openai, model) for model in MODELS))
    print(json.dumps(dict(zip(MODELS, saw))))


asyncio.run(main())
