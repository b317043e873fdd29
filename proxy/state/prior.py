"""What to expect of a target that nobody has asked yet.

Recorded streams (November 2026) give the providers' own time to the beginning of an answer, 95th
percentile: OpenAI 1.1 s, Mistral 1.3 s, Cohere 0.7 s, Anthropic 3.4 s. The deadlines here lie
above those, since a switch too early costs a request and teaches nothing.
"""

from __future__ import annotations

CLOUD_S = 4.0
FAST_S = 2.5  # hosts whose trade is speed
OWN_S = 15.0  # one's own machine, which may have to load the model first
REASONING_S = 30.0  # the first token comes after the thinking, where that is not shown
SPREAD = 0.25  # variance of log seconds
_FAST = frozenset(("groq", "cerebras", "sambanova"))
_OWN = frozenset(("ollama", "vllm", "llamacpp", "local"))
_CLOUD_BYTES_PER_S = 40_000.0  # of prompt, read before the first token: 10,000 tokens
_OWN_BYTES_PER_S = 2_000.0


def first_token_s(target: str, prompt_bytes: int = 0, *, reasoning: bool = False) -> float:
    """Seconds that a first token may take. target: provider/model; prompt_bytes: about so many."""
    provider = target.partition("/")[0]
    if provider in _OWN:
        base, rate = OWN_S, _OWN_BYTES_PER_S
    else:
        base, rate = FAST_S if provider in _FAST else CLOUD_S, _CLOUD_BYTES_PER_S
    if reasoning:
        base = max(base, REASONING_S)
    return base + max(0, prompt_bytes - 4096) / rate
