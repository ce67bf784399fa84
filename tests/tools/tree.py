"""A small fabricated checkout: a valid catalog with code, tests and evidence."""

from __future__ import annotations

import textwrap
from pathlib import Path

from dlatlas.catalog import schema
from dlatlas.evidence.store import Check, ClaimEvidence, MethodEvidence, code_hash, tests_hash, write_json

AREAS = """\
- id: training
  title: {en: "Training", zh: "训练"}
  summary: {en: "How a network learns.", zh: "网络怎样学习。"}
  topics: [optimizers, lstm]
- id: compression
  title: {en: "Compression", zh: "压缩"}
  summary: {en: "Smaller networks.", zh: "更小的网络。"}
  topics: [pruning]
"""

GLOSSARY = """\
- term: {en: "layer", zh: "层", zh-Hant: "層"}
  avoid: [图层]
- term: {en: "pruning", zh: "剪枝", zh-Hant: "剪枝"}
  aliases: [weight pruning]
- term: {en: "weight decay", zh: "权重衰减", zh-Hant: "權重衰減"}
"""

OPTIMIZERS = """\
id: optimizers
title: {en: "Optimizers", zh: "优化器"}
aliases: [optimizer, gradient descent, 优化器, 優化器, 梯度下降]
requires: []
summary:
  en: |
    An optimizer turns a gradient $g$ into a step.

    It costs \\\\$0.
  zh: |
    优化器把梯度 $g$ 变成一步。
methods:
  - id: adam
    title: {en: "Adam", zh: "Adam 优化器"}
    object: refimpl.training.adam:Adam
    paper: kingma-2014-adam
    oracle: {en: "torch.optim.Adam", zh: "torch.optim.Adam"}
  - id: storm
    title: {en: "STORM", zh: "STORM 优化器"}
equations:
  - id: update
    tex: '\\theta \\leftarrow \\theta - \\alpha m'
    method: adam
    checked_by: ["tests/refimpl/training/test_adam.py::TestAdam::test_update[float64]"]
claims:
  - id: adam-steps
    statement: {en: "The first step has length alpha.", zh: "第一步的长度是 alpha。"}
    source: kingma-2014-adam
    experiment: refimpl.experiments.training:first_step
    expect: [{value: step, min: 0.9, max: 1.1}]
"""

LSTM = """\
id: lstm
title: {en: "LSTM", zh: "长短期记忆网络"}
aliases: [long short-term memory, 长短期记忆, 長短期記憶]
requires:
  - topic: optimizers
    why: {en: "It is trained by gradient descent.", zh: "它用梯度下降训练。"}
summary: {en: "A gated recurrent network.", zh: "带门控的循环网络。"}
methods:
  - id: lstm
    title: {en: "LSTM with forget gate", zh: "带遗忘门的 LSTM"}
"""

PRUNING = """\
id: pruning
title: {en: "Pruning", zh: "剪枝"}
aliases: [network pruning, 模型剪枝]
requires: []
summary: {en: "Removes weights.", zh: "去掉权重。"}
"""

OPTIMIZER_ENTRIES = """\
- id: kingma-2014-adam
  type: paper
  title: {en: "Adam: A Method for Stochastic Optimization", zh: "Adam：一种随机优化方法"}
  lang: en
  authors: [Diederik P. Kingma, Jimmy Ba]
  date: "2014-12-22"
  ids: {arxiv: "1412.6980"}
  links:
    - {url: "https://arxiv.org/abs/1412.6980", kind: abs}
    - {url: "http://cn.arxiv.org/abs/1412.6980", kind: mirror}
  topics: [optimizers]
  pick: 1
  note: {en: "Scales each step by running moments of the gradient.", zh: "按梯度的滑动矩缩放每一步。"}
  source: ["000:1"]
  added: "2026-01-01"
- id: zhihu-p-1
  type: article
  title: {zh: "優化器與權重衰減"}
  lang: zh-Hant
  links: [{url: "https://zhuanlan.zhihu.com/p/1"}]
  topics: [optimizers, pruning]
  relations: [{rel: explains, to: kingma-2014-adam}]
- id: gh-someone-adam
  type: code
  title: {en: "Someone/adam"}
  lang: en
  ids: {github: "Someone/adam"}
  links: [{url: "https://github.com/Someone/adam"}]
  topics: [optimizers]
  relations: [{rel: implements, to: kingma-2014-adam, official: true}]
  code: {framework: pytorch}
"""

PRUNING_ENTRIES = """\
- id: lecun-1989-optimal-brain-damage
  type: paper
  title: {en: "Optimal Brain Damage", zh: "最优脑损伤"}
  lang: en
  authors: [Yann LeCun]
  date: "1989"
  links: [{url: "https://example.org/obd.pdf", kind: pdf}]
  topics: [pruning]
"""

MODULE = '''\
"""Adam."""


class Adam:
    """Adaptive moments."""
'''

TEST = """\
class TestAdam:
    def test_update(self) -> None:
        assert True
"""

EXPERIMENT = "first_step = None\n"


def make_tree(root: Path) -> Path:
    """Write the checkout under ``root``; its lint is clean."""
    write(
        root,
        {
            "catalog/areas.yml": AREAS,
            "catalog/glossary.yml": GLOSSARY,
            "catalog/training/optimizers/topic.yml": OPTIMIZERS,
            "catalog/training/optimizers/entries.yml": OPTIMIZER_ENTRIES,
            "catalog/training/lstm/topic.yml": LSTM,
            "catalog/compression/pruning/topic.yml": PRUNING,
            "catalog/compression/pruning/entries.yml": PRUNING_ENTRIES,
            "refimpl/training/adam.py": MODULE,
            "refimpl/experiments/training.py": EXPERIMENT,
            "tests/refimpl/training/test_adam.py": TEST,
        },
    )
    schema.write(root)
    environment = {"date": "2026-01-02", "torch": "2.13.0"}
    check = Check(test="test_update", what="step", oracle="torch.optim.Adam", dtype="float64", error=1e-16, tolerance=1e-12)
    adam = MethodEvidence(
        code=code_hash(root, "refimpl.training.adam"),
        tests=tests_hash(root, "refimpl.training.adam"),
        environment=environment,
        checks=(check,),
    )
    write_json(root / "evidence/checks/cpu/training.json", {"adam": adam})
    write_json(root / "evidence/claims/adam-steps.json", claim_evidence(root, "adam-steps", "refimpl.experiments.training"))
    return root


def claim_evidence(root: Path, id: str, module: str) -> ClaimEvidence:
    return ClaimEvidence(
        id=id,
        code=code_hash(root, module),
        command=f"dlatlas claims run {id}",
        environment={},
        seeds=(0, 1),
        values={"step": (1.0, 1.0)},
        figure={},
        seconds=0.1,
    )


def write(root: Path, files: dict[str, str], *, append: bool = False) -> None:
    """Write or append to files under ``root``, making folders on the way."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        old = path.read_text("utf-8") if append and path.exists() else ""
        path.write_text(old + textwrap.dedent(text), "utf-8")
