"""The anthropic package."""

from __future__ import annotations

from typing import Any

from anthropic import Anthropic, AsyncAnthropic
from loop import Job, read_and_cancel, read_and_close, serve, used, weather

TOOL = {
    "name": "weather",
    "description": "Tells the weather in a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}


def client_of(job: Job) -> Anthropic:
    return Anthropic(base_url=job.root, api_key=job.key, max_retries=0, timeout=60)


def async_client_of(job: Job) -> AsyncAnthropic:
    return AsyncAnthropic(base_url=job.root, api_key=job.key, max_retries=0, timeout=60)


def asked(job: Job) -> dict[str, Any]:
    said: list[Any] = [{"role": "user", "content": job.prompt}]
    return {"model": job.model, "max_tokens": job.max_tokens, "messages": said}


def told(message: Any, pieces: int = 0) -> dict[str, Any]:
    text = "".join(block.text for block in message.content if block.type == "text")
    usage = used(message.usage.input_tokens, message.usage.output_tokens)
    return {"text": text, "pieces": pieces, "usage": usage}


def whole(job: Job) -> dict[str, Any]:
    return told(client_of(job).messages.create(**asked(job)))


async def whole_async(job: Job) -> dict[str, Any]:
    return told(await async_client_of(job).messages.create(**asked(job)))


def stream(job: Job) -> dict[str, Any]:
    with client_of(job).messages.stream(**asked(job)) as events:
        pieces = sum(1 for _ in events.text_stream)
        return told(events.get_final_message(), pieces)


async def stream_async(job: Job) -> dict[str, Any]:
    async with async_client_of(job).messages.stream(**asked(job)) as events:
        pieces = len([text async for text in events.text_stream])
        return told(await events.get_final_message(), pieces)


def tools(job: Job) -> dict[str, Any]:
    messages = client_of(job).messages
    request = {**asked(job), "tools": [TOOL]}
    calls: list[Any] = []
    while True:
        if job.stream:
            with messages.stream(**request) as events:
                message = events.get_final_message()
        else:
            message = messages.create(**request)
        made = [block for block in message.content if block.type == "tool_use"]
        if not made:
            return {**told(message), "calls": calls}
        calls += [[block.name, block.input] for block in made]
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": weather(**block.input)}
            for block in made
        ]
        said = [block.to_dict() for block in message.content]
        request["messages"].append({"role": "assistant", "content": said})
        request["messages"].append({"role": "user", "content": results})


def models(job: Job) -> dict[str, Any]:
    return {"ids": [one.id for one in client_of(job).models.list()]}


def leave(job: Job) -> dict[str, Any]:
    reader = client_of(job).messages.create(**asked(job), stream=True)
    return read_and_close(reader, job.pieces)


async def leave_async(job: Job) -> dict[str, Any]:
    reader = await async_client_of(job).messages.create(**asked(job), stream=True)
    return await read_and_cancel(reader, job.pieces)


if __name__ == "__main__":
    serve(whole, whole_async, stream, stream_async, tools, models, leave, leave_async)
