"""pydantic-ai: OpenAIChatModel, OpenAIResponsesModel and AnthropicModel."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from loop import Job, read_and_cancel, serve, used, weather
from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.messages import ToolCallPart
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def openai_of(job: Job) -> OpenAIProvider:
    """As OpenAIProvider(base_url=..., api_key=...) has it, without the client's own retries."""
    return OpenAIProvider(
        openai_client=AsyncOpenAI(base_url=job.base_url, api_key=job.key, max_retries=0)
    )


def agent_of(job: Job, **options: Any) -> Agent[Any, Any]:
    if job.flavour == "anthropic":
        claude = AnthropicProvider(base_url=job.root, api_key=job.key)
        model: Model = AnthropicModel(job.model, provider=claude)
    else:
        kind = OpenAIResponsesModel if job.flavour == "responses" else OpenAIChatModel
        model = kind(job.model, provider=openai_of(job))
    settings = {"max_tokens": job.max_tokens, "temperature": job.temperature}
    return Agent(model, model_settings=settings, **options)


def told(result: Any, text: str, pieces: int = 0) -> dict[str, Any]:
    usage = result.usage() if callable(result.usage) else result.usage
    return {"text": text, "pieces": pieces, "usage": used(usage.input_tokens, usage.output_tokens)}


def whole(job: Job) -> dict[str, Any]:
    result = agent_of(job).run_sync(job.prompt)
    return told(result, result.output)


async def whole_async(job: Job) -> dict[str, Any]:
    result = await agent_of(job).run(job.prompt)
    return told(result, result.output)


async def stream_async(job: Job) -> dict[str, Any]:
    async with agent_of(job).run_stream(job.prompt) as result:
        pieces = [one async for one in result.stream_text(delta=True, debounce_by=None)]
        return told(result, "".join(pieces), len(pieces))


def called(result: Any) -> list[Any]:
    return [
        [part.tool_name, part.args_as_dict()]
        for message in result.all_messages()
        for part in message.parts
        if isinstance(part, ToolCallPart)
    ]


async def tools(job: Job) -> dict[str, Any]:
    agent = agent_of(job, tools=[weather])
    if not job.stream:
        answer = await agent.run(job.prompt)
        return {**told(answer, answer.output), "calls": called(answer)}
    async with agent.run_stream(job.prompt) as result:
        text = await result.get_output()
        return {**told(result, text), "calls": called(result)}


async def structured(job: Job) -> dict[str, Any]:
    result = await agent_of(job, output_type=Person).run(job.prompt)
    return {"object": result.output.model_dump()}


async def deltas(job: Job) -> AsyncIterator[str]:
    async with agent_of(job).run_stream(job.prompt) as result:
        async for piece in result.stream_text(delta=True, debounce_by=None):
            yield piece


async def leave_async(job: Job) -> dict[str, Any]:
    return await read_and_cancel(deltas(job), job.pieces)


if __name__ == "__main__":
    serve(whole, whole_async, stream_async, tools, structured, leave_async)
