"""instructor: objects through tools, JSON schema, Responses and Anthropic's tools."""

from __future__ import annotations

import os
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # it may load litellm

import anthropic
import instructor
import openai
from loop import Job, serve, used
from pydantic import BaseModel

MODES = {
    "": instructor.Mode.TOOLS,
    "schema": instructor.Mode.JSON_SCHEMA,
    "json": instructor.Mode.JSON,
    "responses": instructor.Mode.RESPONSES_TOOLS,
    "anthropic": instructor.Mode.ANTHROPIC_TOOLS,
}


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def client_of(job: Job, *, asynchronous: bool = False) -> Any:
    mode = MODES[job.flavour]
    if job.flavour == "anthropic":
        claude = anthropic.AsyncAnthropic if asynchronous else anthropic.Anthropic
        client = claude(base_url=job.root, api_key=job.key, max_retries=0)
        return instructor.from_anthropic(client, mode=mode)
    kind = openai.AsyncOpenAI if asynchronous else openai.OpenAI
    client = kind(base_url=job.base_url, api_key=job.key, max_retries=0)
    return instructor.from_openai(client, mode=mode)


def asked(job: Job) -> dict[str, Any]:
    limit = "max_output_tokens" if job.flavour == "responses" else "max_tokens"
    warmth = {} if job.flavour == "anthropic" else {"temperature": job.temperature}
    return {
        **warmth,
        "model": job.model,
        "messages": [{"role": "user", "content": job.prompt}],
        "response_model": Person,
        "max_retries": 1,
        limit: job.max_tokens,
    }


def structured(job: Job) -> dict[str, Any]:
    person, raw = client_of(job).create_with_completion(**asked(job))
    usage = raw.usage
    given = getattr(usage, "prompt_tokens", None) or getattr(usage, "input_tokens", None)
    made = getattr(usage, "completion_tokens", None) or getattr(usage, "output_tokens", None)
    return {"object": person.model_dump(), "usage": used(given, made)}


async def structured_async(job: Job) -> dict[str, Any]:
    person = await client_of(job, asynchronous=True).create(**asked(job))
    return {"object": person.model_dump()}


def partial(job: Job) -> dict[str, Any]:
    """The object as it grows; how often it was seen, and what it became."""
    seen = [one.model_dump() for one in client_of(job).create_partial(**asked(job))]
    return {"object": seen[-1], "pieces": len(seen)}


if __name__ == "__main__":
    serve(structured, structured_async, partial)
