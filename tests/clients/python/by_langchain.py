"""langchain-openai (chat and Responses) and langchain-anthropic."""

from __future__ import annotations

import time
from typing import Any

from langchain_anthropic import ChatAnthropic
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from loop import Job, read_and_close, serve, used, weather
from pydantic import BaseModel


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def model_of(job: Job) -> BaseChatModel:
    if job.flavour == "anthropic":
        return ChatAnthropic(
            base_url=job.root,
            api_key=job.key,
            model=job.model,
            max_tokens=job.max_tokens,
            temperature=job.temperature,
            max_retries=0,
        )
    return ChatOpenAI(
        base_url=job.base_url,
        api_key=job.key,
        model=job.model,
        max_tokens=job.max_tokens,
        temperature=job.temperature,
        use_responses_api=job.flavour == "responses",
        stream_usage=True,
        max_retries=0,
    )


def told(message: Any, pieces: int = 0) -> dict[str, Any]:
    usage = message.usage_metadata or {}
    return {
        "text": message.text,
        "pieces": pieces,
        "usage": used(usage.get("input_tokens"), usage.get("output_tokens")),
    }


def whole(job: Job) -> dict[str, Any]:
    return told(model_of(job).invoke(job.prompt))


async def whole_async(job: Job) -> dict[str, Any]:
    return told(await model_of(job).ainvoke(job.prompt))


def stream(job: Job) -> dict[str, Any]:
    chunks = list(model_of(job).stream(job.prompt))
    full = chunks[0]
    for one in chunks[1:]:
        full += one
    return told(full, sum(bool(one.text) for one in chunks))


async def stream_async(job: Job) -> dict[str, Any]:
    chunks = [one async for one in model_of(job).astream(job.prompt)]
    full = chunks[0]
    for one in chunks[1:]:
        full += one
    return told(full, sum(bool(one.text) for one in chunks))


def tools(job: Job) -> dict[str, Any]:
    model = model_of(job).bind_tools([tool(weather)])
    said: list[Any] = [HumanMessage(job.prompt)]
    calls: list[Any] = []
    while True:
        if job.stream:
            chunks = list(model.stream(said))
            message = chunks[0]
            for one in chunks[1:]:
                message += one
        else:
            message = model.invoke(said)
        if not message.tool_calls:
            return {**told(message), "calls": calls}
        said.append(message)
        for call in message.tool_calls:
            calls.append([call["name"], call["args"]])
            said.append(ToolMessage(weather(**call["args"]), tool_call_id=call["id"]))


def structured(job: Job) -> dict[str, Any]:
    return {"object": model_of(job).with_structured_output(Person).invoke(job.prompt).model_dump()}


def leave(job: Job) -> dict[str, Any]:
    reader = model_of(job).stream(job.prompt)
    return read_and_close(reader, job.pieces)


async def leave_async(job: Job) -> dict[str, Any]:
    reader = model_of(job).astream(job.prompt)
    for _ in range(job.pieces):
        await anext(reader)
    left = time.monotonic()
    await reader.aclose()
    return {"seen": job.pieces, "left": left}


if __name__ == "__main__":
    serve(whole, whole_async, stream, stream_async, tools, structured, leave, leave_async)
