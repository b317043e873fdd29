"""The openai package: chat and Responses."""

from __future__ import annotations

import json
from typing import Any

from loop import Job, read_and_cancel, read_and_close, serve, used, weather
from openai import AsyncOpenAI, OpenAI, pydantic_function_tool
from pydantic import BaseModel

TOOL = {
    "name": "weather",
    "description": "Tells the weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def client_of(job: Job) -> OpenAI:
    return OpenAI(base_url=job.base_url, api_key=job.key, max_retries=0, timeout=60)


def async_client_of(job: Job) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=job.base_url, api_key=job.key, max_retries=0, timeout=60)


def asked(job: Job) -> dict[str, Any]:
    common = {"model": job.model, "temperature": job.temperature}
    if job.flavour == "responses":
        return {**common, "input": job.prompt, "max_output_tokens": job.max_tokens}
    said = [{"role": "user", "content": job.prompt}]
    return {**common, "messages": said, "max_tokens": job.max_tokens}


def opened(job: Job, client: Any) -> Any:
    """A stream; a coroutine of one with the asynchronous client."""
    if job.flavour == "responses":
        return client.responses.create(**asked(job), stream=True)
    counted = {"include_usage": True}
    return client.chat.completions.create(**asked(job), stream=True, stream_options=counted)


def told(answer: Any) -> dict[str, Any]:
    usage = answer.usage
    if hasattr(answer, "output_text"):
        return {"text": answer.output_text, "usage": used(usage.input_tokens, usage.output_tokens)}
    text = answer.choices[0].message.content
    return {"text": text, "usage": used(usage.prompt_tokens, usage.completion_tokens)}


def piece(event: Any) -> str:
    if getattr(event, "type", None) == "response.output_text.delta":
        return event.delta
    return (event.choices[0].delta.content or "") if getattr(event, "choices", None) else ""


def joined(events: list[Any]) -> dict[str, Any]:
    texts = [text for text in map(piece, events) if text]
    outcome: dict[str, Any] = {"text": "".join(texts), "pieces": len(texts)}
    last = events[-1]
    if hasattr(last, "response"):
        usage = last.response.usage
        return {**outcome, "usage": used(usage.input_tokens, usage.output_tokens)}
    return {**outcome, "usage": used(last.usage.prompt_tokens, last.usage.completion_tokens)}


def whole(job: Job) -> dict[str, Any]:
    client = client_of(job)
    kind = client.responses if job.flavour == "responses" else client.chat.completions
    return told(kind.create(**asked(job)))


async def whole_async(job: Job) -> dict[str, Any]:
    client = async_client_of(job)
    kind = client.responses if job.flavour == "responses" else client.chat.completions
    return told(await kind.create(**asked(job)))


def stream(job: Job) -> dict[str, Any]:
    return joined(list(opened(job, client_of(job))))


async def stream_async(job: Job) -> dict[str, Any]:
    return joined([event async for event in await opened(job, async_client_of(job))])


def tools(job: Job) -> dict[str, Any]:
    return (tools_of_responses if job.flavour == "responses" else tools_of_chat)(job)


def tools_of_chat(job: Job) -> dict[str, Any]:
    completions = client_of(job).chat.completions
    request = {**asked(job), "tools": [{"type": "function", "function": TOOL}]}
    calls: list[Any] = []
    while True:
        if job.stream:
            with completions.stream(**request) as events:
                message = events.get_final_completion().choices[0].message
        else:
            message = completions.create(**request).choices[0].message
        if not message.tool_calls:
            return {"text": message.content, "calls": calls}
        request["messages"].append(message.to_dict())
        for call in message.tool_calls:
            given = json.loads(call.function.arguments)
            calls.append([call.function.name, given])
            result = {"role": "tool", "tool_call_id": call.id, "content": weather(**given)}
            request["messages"].append(result)


def tools_of_responses(job: Job) -> dict[str, Any]:
    responses = client_of(job).responses
    said: list[Any] = [{"role": "user", "content": job.prompt}]
    request = {**asked(job), "input": said, "tools": [{"type": "function", **TOOL}]}
    calls: list[Any] = []
    while True:
        if job.stream:
            with responses.stream(**request) as events:
                answer = events.get_final_response()
        else:
            answer = responses.create(**request)
        made = [item for item in answer.output if item.type == "function_call"]
        if not made:
            return {"text": answer.output_text, "calls": calls}
        said += [item.to_dict() for item in answer.output]
        for call in made:
            given = json.loads(call.arguments)
            calls.append([call.name, given])
            kind = "function_call_output"
            said.append({"type": kind, "call_id": call.call_id, "output": weather(**given)})


def structured(job: Job) -> dict[str, Any]:
    client = client_of(job)
    if job.flavour == "responses":
        person = client.responses.parse(**asked(job), text_format=Person).output_parsed
    else:
        answer = client.chat.completions.parse(**asked(job), response_format=Person)
        person = answer.choices[0].message.parsed
    return {"object": person.model_dump()}


def forced(job: Job) -> dict[str, Any]:
    """A tool that must be called, streamed; the arguments' pieces and what they are."""
    with client_of(job).chat.completions.stream(
        **asked(job), tools=[pydantic_function_tool(Person)], tool_choice="required"
    ) as events:
        kind = "tool_calls.function.arguments.delta"
        pieces = sum(event.type == kind for event in events)
        choice = events.get_final_completion().choices[0]
    (call,) = choice.message.tool_calls
    person = call.function.parsed_arguments.model_dump()
    return {"object": person, "pieces": pieces, "finish": choice.finish_reason}


def models(job: Job) -> dict[str, Any]:
    return {"ids": [one.id for one in client_of(job).models.list()]}


def leave(job: Job) -> dict[str, Any]:
    reader = opened(job, client_of(job))
    return read_and_close(reader, job.pieces)


async def leave_async(job: Job) -> dict[str, Any]:
    return await read_and_cancel(await opened(job, async_client_of(job)), job.pieces)


if __name__ == "__main__":
    serve(
        whole,
        whole_async,
        stream,
        stream_async,
        tools,
        structured,
        forced,
        models,
        leave,
        leave_async,
    )
