"""Talks to /v1/realtime through LiveKit's agents framework: a spoken turn, a tool call, and an answer that is interrupted.

Prints what it saw as one line of JSON, by model. Arguments: address up to /v1, key, models.
"""

import asyncio
import json
import math
import struct
import sys
import time

from livekit import rtc
from livekit.agents import Agent, AgentSession, function_tool
from livekit.agents.voice import io
from livekit.plugins import openai

RATE = 24_000
FRAME_SAMPLES = RATE * 20 // 1000
REQUEST = '/tool weather {"city":"Rome"}'
RESULT = '{"weather":"sunny"}'


def frame(loud):
    """20 ms of a tone, or of silence."""
    samples = [int(8000 * math.sin(i / 10)) if loud else 0 for i in range(FRAME_SAMPLES)]
    data = struct.pack(f"<{FRAME_SAMPLES}h", *samples)
    return rtc.AudioFrame(data, RATE, 1, FRAME_SAMPLES)


class Microphone(io.AudioInput):
    def __init__(self):
        super().__init__(label="microphone")
        self._frames = asyncio.Queue()

    def speak(self, loud, silent):
        for i in range(loud + silent):
            self._frames.put_nowait(frame(i < loud))

    async def __anext__(self):
        return await self._frames.get()


class Speaker(io.AudioOutput):
    """Plays at the speed of sound, and says how far it came."""

    def __init__(self, finished):
        super().__init__(label="speaker", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=RATE)
        self._finished = finished
        self._pushed = 0.0
        self._began = None
        self._end = None

    async def capture_frame(self, played):
        await super().capture_frame(played)
        if self._began is None:
            self._began = time.monotonic()
        self._pushed += played.duration

    def flush(self):
        super().flush()
        if self._began is None or self._end is not None:
            return
        left = self._began + self._pushed - time.monotonic()
        self._end = asyncio.get_running_loop().call_later(max(0.0, left), self._finish, False)

    def clear_buffer(self):
        if self._began is not None:
            self._finish(True)

    def _finish(self, interrupted):
        if self._end is not None:
            self._end.cancel()
        position = min(self._pushed, time.monotonic() - self._began)
        self._finished({"type": "played", "ms": round(self._pushed * 1000)})
        self._began, self._end, self._pushed = None, None, 0.0
        self.on_playback_finished(playback_position=position, interrupted=interrupted)


class Heard:
    """Everything that was heard, and waiting for more of it."""

    def __init__(self):
        self.events = []
        self._more = asyncio.Event()

    def add(self, event):
        self.events.append(event)
        self._more.set()

    async def first(self, start, wanted):
        while True:
            for event in self.events[start:]:
                if wanted(event):
                    return event
            self._more.clear()
            await self._more.wait()


def of_type(name):
    return lambda event: event["type"] == name


class Guide(Agent):
    def __init__(self):
        super().__init__(instructions="Be brief.")
        self.calls = []

    @function_tool
    async def weather(self, city: str) -> str:
        """Tells the weather."""
        self.calls.append({"city": city})
        return RESULT


async def talk(base, key, model):
    microphone, heard, guide = Microphone(), Heard(), Guide()
    errors = []
    voice = openai.realtime.RealtimeModel(model=model, base_url=base, api_key=key)
    session = AgentSession(llm=voice, vad=None)
    session.on("error", lambda event: errors.append(str(getattr(event.error.error.body, "code", event.error.error))))
    session.input.audio = microphone
    session.output.audio = Speaker(heard.add)
    await session.start(agent=guide)
    guide.realtime_llm_session.on("openai_server_event_received", heard.add)

    start = len(heard.events)
    microphone.speak(25, 30)
    done = await heard.first(start, of_type("response.done"))
    said = await heard.first(start, of_type("response.output_audio_transcript.done"))
    played = await heard.first(start, of_type("played"))
    turn = {
        "frames": sum(map(of_type("response.output_audio.delta"), heard.events[start:])),
        "ms": played["ms"],
        "status": done["response"]["status"],
        "transcript": said["transcript"],
        "speech": any(map(of_type("input_audio_buffer.speech_started"), heard.events[start:])),
    }

    start = len(heard.events)
    session.generate_reply(user_input=REQUEST)
    answer = await heard.first(start, of_type("response.output_audio_transcript.done"))
    await heard.first(heard.events.index(answer), of_type("response.done"))
    tool = {"name": "weather", "args": guide.calls[0], "answer": answer["transcript"]}

    start = len(heard.events)
    microphone.speak(60, 30)
    await heard.first(start, of_type("response.output_audio.delta"))
    start = len(heard.events)
    microphone.speak(10, 0)
    speech = await heard.first(start, of_type("input_audio_buffer.speech_started"))
    cut = await heard.first(start, of_type("response.done"))
    microphone.speak(0, 30)
    after = await heard.first(heard.events.index(cut) + 1, of_type("response.done"))
    barge_in = {
        "speech": speech is not None,
        "status": cut["response"]["status"],
        "reason": (cut["response"]["status_details"] or {}).get("reason"),
        "next": after["response"]["status"],
    }
    await session.aclose()
    return {"turn": turn, "tool": tool, "bargeIn": barge_in, "errors": errors}


async def main():
    base, key, *models = sys.argv[1:]
    print(json.dumps({model: await talk(base, key, model) for model in models}))


asyncio.run(main())
