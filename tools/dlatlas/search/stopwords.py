"""Words that say how something is asked and not what."""

from __future__ import annotations

import re

from dlatlas.search.stems import stem
from dlatlas.search.text import is_han

ENGLISH = """
a about actually again al all also always am an and any anything are as at be been best between by can could did do does et even
ever every everything exactly explain find for from get give good got great had has have help helps her here his how i if in into is
it its just learn let make many me more most much must my need never nice now of often on one only or our please quite really s
should show simply so some something sometimes still such tell than that the their them then there these they thing things this to
too understand up us use used using usually versus very via vs want was we well were what when where which while who why will with
work works would yet you your
"""

QUESTIONS = (
    ("what", "什么是", "是什么", "何谓", "啥"),
    ("how", "如何", "怎么", "怎样"),
    ("why", "为什么", "为何", "为啥"),
    ("which", "哪个", "哪些", "哪种"),
)
"""Words that ask; those of one line ask for the same."""

FUNCTION_WORDS = frozenset(ENGLISH.split())
"""Words that are dropped from a query that has others."""

FUNCTION_RUNS = re.compile(
    "什么是|是什么|有什么|什么|为什么|为何|怎么样|怎么|怎样|如何|哪些|哪个|哪种|有哪些|有没有|可以|能否|是否|应该|需要|请问|求助|推荐|关于|以及|对于"
    "|多少|几种|真的|一样|这样|那样|这么|那么|之间|到底|究竟|其实|一般|通常|怎么办|谈谈|聊聊|浅谈|浅析|简述|我想|想要|学习一下|一下|里面|里的|中的|的|了|吗|呢|吧|和|与|及|或|是|在|用|把|被|让|对|从|到|给"
)
"""Chinese words of that kind."""

KIND = """
algorithm method technique model approach theory network net architecture layer
算法 方法 技术 模型 理论 原理 网络 架构 结构 层
"""

KINDS = re.compile(f"(?:{'|'.join(map(stem, KIND.split()))})+")
"""Words, stemmed, for the kind of thing that a name may be followed by, without being part of it: 反向传播算法, dropout method."""

FIELD = """
neural network, deep neural network, artificial neural network, deep network, deep learning, machine learning, ai
神经网络, 深度神经网络, 人工神经网络, 深度网络, 深度学习, 机器学习, 人工智能
"""

FIELDS = frozenset("".join(map(stem, name.split())) for name in re.split("[,\n]", FIELD.strip()))
"""The names of the field itself, squashed: they say little beside the name of something in it, as in dropout in neural networks."""


def asked(found: list[str]) -> tuple[str, ...]:
    """The words of both languages that ask for what the words of a query ask for; none if it is no question."""
    text = f" {' '.join(found)} "
    questions = [words for words in QUESTIONS if any(word in text if is_han(word) else f" {word} " in text for word in words)]
    return next(iter(reversed(questions)), ())


def is_small(label: str) -> bool:
    """Whether a word, or a Chinese run, is only a function word."""
    return label in FUNCTION_WORDS or FUNCTION_RUNS.fullmatch(label) is not None


def meaningful(found: list[str]) -> list[str]:
    """The words without function words and the Chinese runs cut at them; all of them where nothing would be left."""
    kept: list[str] = []
    for word in found:
        if is_han(word):
            kept += [part for part in FUNCTION_RUNS.split(word) if part]
        elif word not in FUNCTION_WORDS:
            kept.append(word)
    return kept or found
