"""Talks to /v1/realtime through Pipecat's service of OpenAI's realtime API: a tool call, a spoken turn, and an answer that is interrupted.

Prints what it saw as one line of JSON, by model. Arguments: address up to /v1, key, models.
"""

import asyncio
import json
import math
import struct
import sys

from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    InputAudioRawFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner

RATE = 24_000
FRAME_SECONDS = 0.02
FRAME_SAMPLES = int(RATE * FRAME_SECONDS)
REQUEST = '/tool weather {"city":"Rome"}'
RESULT = {"weather": "sunny"}
WEATHER = FunctionSchema(
    name="weather", description="Tells the weather", properties={"city": {"type": "string"}}, required=["city"]
)


def frame(loud):
    """20 ms of a tone, or of silence."""
    samples = [int(8000 * math.sin(i / 10)) if loud else 0 for i in range(FRAME_SAMPLES)]
    return InputAudioRawFrame(struct.pack(f"<{FRAME_SAMPLES}h", *samples), RATE, 1)


class Heard:
    """Everything that was heard, and waiting for more of it."""

    def __init__(self):
        self.events = []
        self._more = asyncio.Event()

    def add(self, kind, **fields):
        self.events.append({"kind": kind, **fields})
        self._more.set()

    async def first(self, start, kind):
        while True:
            for event in self.events[start:]:
                if event["kind"] == kind:
                    return event
            self._more.clear()
            await self._more.wait()


class Voice(OpenAIRealtimeLLMService):
    """The service as it is, which also says when an answer ends and when the user speaks."""

    def __init__(self, heard, **options):
        super().__init__(**options)
        self._heard = heard

    async def _handle_evt_response_done(self, event):
        await super()._handle_evt_response_done(event)
        details = event.response.status_details or {}
        self._heard.add("done", status=event.response.status, reason=details.get("reason"))

    async def _handle_evt_speech_started(self, event):
        await super()._handle_evt_speech_started(event)
        self._heard.add("speech")


class Speaker(FrameProcessor):
    def __init__(self, heard):
        super().__init__()
        self._heard = heard

    async def process_frame(self, passing, direction):
        await super().process_frame(passing, direction)
        if isinstance(passing, TTSAudioRawFrame):
            self._heard.add("sound", bytes=len(passing.audio))
        elif isinstance(passing, TTSTextFrame):
            self._heard.add("text", text=passing.text)
        elif isinstance(passing, LLMFullResponseEndFrame):
            self._heard.add("heard")
        elif isinstance(passing, ErrorFrame):
            self._heard.add("error", error=str(passing.error))
        await self.push_frame(passing, direction)


async def talk(base, key, model):
    heard, calls = Heard(), []
    settings = OpenAIRealtimeLLMService.Settings(model=model, system_instruction="Be brief.")
    voice = Voice(heard, api_key=key, base_url=f"{base.replace('http', 'ws', 1)}/realtime", settings=settings)

    async def weather(params):
        calls.append(params.arguments)
        await params.result_callback(RESULT)

    voice.register_function("weather", weather)
    context = LLMContext([{"role": "user", "content": REQUEST}], ToolsSchema(standard_tools=[WEATHER]))
    aggregators = LLMContextAggregatorPair(context)
    pipeline = Pipeline([aggregators.user(), voice, Speaker(heard), aggregators.assistant()])
    worker = PipelineWorker(pipeline, params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE))
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())

    async def speak(loud, silent):
        for i in range(loud + silent):
            await worker.queue_frames([frame(i < loud)])
            # At the speed of speech: an interruption throws away what is queued.
            await asyncio.sleep(FRAME_SECONDS)

    def text_of(events):
        return "".join(event["text"] for event in events if event["kind"] == "text")

    await worker.queue_frames([LLMContextFrame(context)])
    await heard.first(0, "done")
    await heard.first(0, "heard")
    called = len(heard.events)
    await heard.first(called, "heard")
    tool = {"name": "weather", "args": calls[0], "answer": text_of(heard.events[called:])}

    start = len(heard.events)
    await speak(25, 30)
    done = await heard.first(start, "done")
    await heard.first(start, "heard")
    seen = heard.events[start:]
    sound = [event["bytes"] for event in seen if event["kind"] == "sound"]
    turn = {
        "frames": len(sound),
        "ms": round(sum(sound) / 48),
        "status": done["status"],
        "transcript": text_of(seen),
        "speech": any(event["kind"] == "speech" for event in seen),
    }

    start = len(heard.events)
    await speak(60, 30)
    await heard.first(start, "sound")
    start = len(heard.events)
    await speak(10, 0)
    await heard.first(start, "speech")
    cut = await heard.first(start, "done")
    await speak(0, 30)
    after = await heard.first(heard.events.index(cut) + 1, "done")
    barge_in = {"speech": True, "status": cut["status"], "reason": cut["reason"], "next": after["status"]}

    await worker.queue_frames([EndFrame()])
    await running
    errors = [event["error"] for event in heard.events if event["kind"] == "error"]
    return {"turn": turn, "tool": tool, "bargeIn": barge_in, "errors": errors}


async def main():
    base, key, *models = sys.argv[1:]
    saw = await asyncio.gather(*(talk(base, key, model) for model in models))
    print(json.dumps(dict(zip(models, saw))))


asyncio.run(main())
