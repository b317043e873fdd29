"""What OpenAI's own models take, by their names."""

from __future__ import annotations

import pytest

from proxy.dialects.openai_models import habit, own, reasons, refuses_sampling


@pytest.mark.parametrize(
    ("model", "when"),
    [
        ("gpt-4o-mini", "never"), ("gpt-4.1", "never"), ("gpt-3.5-turbo", "never"),
        ("chatgpt-4o-latest", "never"), ("gpt-5-chat-latest", "never"), ("llama-3", "never"),
        ("openai/gpt-oss-120b", "never"), ("opus-1", "never"),
        ("o1", "always"), ("o3-mini", "always"), ("openai/o4-mini-2025-04-16", "always"),
        ("gpt-5", "always"), ("gpt-5-nano-2025-08-07", "always"), ("openai/gpt-5-mini", "always"),
        ("gpt-5.1-codex-max", "always"), ("gpt-5.2-pro", "always"), ("gpt-5.3-chat", "always"),
        ("gpt-5.1", "asked"), ("gpt-5.4-mini", "asked"), ("gpt-5.3-codex", "asked"),
        ("gpt-5.5", "default"), ("gpt-6.1-sol", "default"), ("gpt-6-luna", "default"),
    ],
)  # fmt: skip
def test_when_a_model_reasons(model: str, when: str) -> None:
    assert habit(model) == when
    assert reasons(model) is (when != "never")


@pytest.mark.parametrize(
    ("model", "effort", "refuses"),
    [
        ("gpt-4o", "high", False), ("o3", None, True), ("o3", "none", True),
        ("gpt-5.4", None, False), ("gpt-5.4", "none", False), ("gpt-5.4", "low", True),
        ("gpt-6-luna", None, True), ("gpt-6-luna", "none", False),
    ],
)  # fmt: skip
def test_sampling_is_refused_while_a_model_reasons(model, effort, refuses) -> None:
    assert refuses_sampling(model, effort) is refuses


def test_which_models_are_openais() -> None:
    assert all(map(own, ("gpt-4o", "o3", "openai/gpt-5", "codex-mini-latest")))
    assert not any(map(own, ("gpt-oss-20b", "claude-opus-5-5", "omni", "llama-3")))
