# ruff: noqa: E501 (the lines are YAML)
"""One way to break each lint rule, made to be combined: every break only adds to the fabricated tree.

``#! RULE`` in an added line marks where the rule must report; a line may carry several.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from datetime import date, timedelta

ENTRIES = "catalog/compression/pruning/entries.yml"


@dataclass
class Break:
    """Files with the text that is added to them, and problems as (file, line, rule) where no comment can mark them."""

    files: dict[str, str]
    expect: set[tuple[str, int, str]] = field(default_factory=set)


def entry(id: str, *, title: str = "", links: str = "", more: str = "", type: str = "article", topics: str = "[pruning]") -> Break:
    title = title or f'title: {{en: "Title of {id}"}}'
    links = links or f'links: [{{url: "https://example.org/{id}"}}]'
    lines = [f"- id: {id}", f"  type: {type}", f"  {title}", "  lang: en", f"  {links}", f"  topics: {topics}", more]
    return Break({ENTRIES: "\n".join(filter(None, lines)) + "\n"})


def topic(id: str, more: str = "", *, summary: str = 'summary: {en: "It is.", zh: "它是。"}', listed: bool = True) -> Break:
    requires = "" if "requires:" in more else "requires: []\n"
    text = f'id: {id}\ntitle: {{en: "Topic {id}", zh: "主题"}}\n{requires}{summary}\n{textwrap.dedent(more)}'
    area = f'- id: area-{id}\n  title: {{en: "Area", zh: "领域"}}\n  summary: {{en: "An area.", zh: "一个领域。"}}\n  topics: [{id}]\n'
    return Break({f"catalog/area-{id}/{id}/topic.yml": text} | ({"catalog/areas.yml": area} if listed else {}))


def method(id: str, line: str) -> Break:
    return topic(id, f"methods:\n  - id: m-{id}\n    title: {{en: 'M', zh: '方法'}}\n    {line}\n")


def claim(id: str, expect: str, experiment: str = "refimpl.experiments.training:first_step") -> str:
    return f"  - {{id: {id}, statement: {{en: 'S', zh: '陈述'}}, source: x, experiment: '{experiment}', expect: {expect}}}"


def at(file: str, rule: str, line: int = 1) -> set[tuple[str, int, str]]:
    return {(file, line, rule)}


CLAIM = '{"id":"%s","code":"%s","command":"x","environment":{},"seeds":[0],"values":{"step":[1]},"figure":{},"seconds":1}'
CHECKS = '{"%s":{"code":"old","tests":"old","environment":{"date":"2026-01-02"},"checks":[{"test":"t","what":"w","oracle":"o","dtype":"d","error":0,"tolerance":1}]}}'


def ignored(match: str, until: str, marks: str = "  #! ignored-link", more: str = "") -> Break:
    return Break({"catalog/ignore-links.yml": f'- match: "{match}"{more}\n  reason: "looked at"\n  until: "{until}"{marks}\n'})


SOON = (date.today() + timedelta(days=90)).isoformat()

BREAKS: dict[str, Break] = {
    # The loader.
    "yaml-syntax": Break(
        {"catalog/training/lstm/entries.yml": "- id: a\n  title: {en: [}\n"}, at("catalog/training/lstm/entries.yml", "yaml-syntax", 2)
    ),
    "yaml-repeated-key": entry("repeated-key", more="  level: core\n  level: intro  #! yaml-repeated-key"),
    "schema": entry("unknown-key", more="  stars: 5  #! schema"),
    "schema, a number where a string belongs": entry("number", more="  ids:\n    arxiv: 1412.6980  #! schema"),
    "schema, no area title": Break({"catalog/areas.yml": "- id: nameless  #! schema\n  summary: {en: 'S', zh: '概述'}\n  topics: []\n"}),
    "duplicate-id": Break(
        {
            ENTRIES: "- id: lecun-1989-optimal-brain-damage  #! duplicate-id\n  type: list\n  title: {en: 'B'}\n  lang: en\n  topics: [pruning]\n"
        }
    ),
    "missing-file": Break(
        {"catalog/areas.yml": "- {id: area-ghost, title: {en: A, zh: 领域}, summary: {en: S, zh: 概述}, topics: [ghost]}\n"},
        at("catalog/area-ghost/ghost/topic.yml", "missing-file"),
    ),
    "stray-file": Break({"catalog/training/unlisted/topic.yml": "id: unlisted  #! stray-file\n"}),
    "stray-file, beside the topics": Break({"catalog/training/notes.yaml": "- a  #! stray-file\n"}),
    "schema-drift": Break({"catalog/schema/entries.json": "{}\n"}, at("catalog/schema/entries.json", "schema-drift")),
    # Identity.
    "id-clash, entry and topic": Break(
        {
            ENTRIES: "- id: lstm  #! id-clash\n  type: list\n  title: {en: 'L'}\n  lang: en\n  links: [{url: 'https://example.org/l'}]\n  topics: [pruning]\n"
        }
    ),
    "id-clash, former id": entry("was-clash", more="  was: [zhihu-p-1]  #! id-clash"),
    "id-clash, methods": topic("method-clash", "methods:\n  - id: adam  #! id-clash\n    title: {en: 'A', zh: '甲'}\n"),
    "id-clash, equations": topic("equation-clash", "equations:\n  - {id: e, tex: x}\n  - {id: e, tex: y}  #! id-clash\n"),
    "wrong-folder, entry": entry("astray", topics="[lstm]  #! wrong-folder"),
    "wrong-folder, topic": Break(
        {
            "catalog/areas.yml": "- {id: area-moved, title: {en: A, zh: 领域}, summary: {en: S, zh: 概述}, topics: [moved]}\n",
            "catalog/area-moved/moved/topic.yml": "id: other-name  #! wrong-folder\ntitle: {en: 'Moved', zh: '移走'}\nrequires: []\nsummary: {en: 'It is.', zh: '它是。'}\n",
        }
    ),
    "wrong-folder, two areas": Break(
        {
            "catalog/areas.yml": "- id: area-twice\n  title: {en: A, zh: 领域}\n  summary: {en: S, zh: 概述}\n  topics:\n    - twice\n    - twice  #! wrong-folder\n",
            "catalog/area-twice/twice/topic.yml": "id: twice  #! duplicate-id\ntitle: {en: 'Twice', zh: '两次'}\nrequires: []\nsummary: {en: 'It is.', zh: '它是。'}\n",
        }
    ),
    "duplicate-key, link": entry("adam-again", links='links: [{url: "https://arxiv.org/pdf/1412.6980v9.pdf"}]  #! duplicate-key'),
    "duplicate-key, id": entry("adam-repository", type="code", more="  ids:\n    github: someone/ADAM  #! duplicate-key"),
    "duplicate-title": entry("damage", type="paper", title='title: {en: "Optimal brain damage", zh: "最优脑损伤"}  #! duplicate-title'),
    "original-title": entry("no-original", title='title: {zh: "译名"}  #! original-title'),
    "id-syntax, arxiv version": entry("arxiv-version", more='  ids:\n    arxiv: "1502.01852v1"  #! id-syntax'),
    "id-syntax, arxiv digits": entry("arxiv-digits", more='  ids:\n    arxiv: "1502.0185"  #! id-syntax'),
    "id-syntax, arxiv month": entry("arxiv-month", more='  ids:\n    arxiv: "1513.01852"  #! id-syntax'),
    "id-syntax, doi": entry("doi", more='  ids:\n    doi: "https://doi.org/10.1038/nature14539"  #! id-syntax'),
    "id-syntax, github": entry("github", more='  ids:\n    github: "owner/repo.git"  #! id-syntax'),
    "id-syntax, isbn": entry("isbn", more='  ids:\n    isbn: "978-0-262-03561-4"  #! id-syntax'),
    "id-syntax, openreview": entry("openreview", more='  ids:\n    openreview: "forum?id=HkghWScuoQ"  #! id-syntax'),
    # References.
    "dangling-reference, relation": entry("to-nowhere", more="  relations: [{rel: see-also, to: nowhere}]  #! dangling-reference"),
    "dangling-reference, topic": entry("no-topic", topics="\n    - pruning\n    - nowhere  #! dangling-reference"),
    "dangling-reference, prerequisite": topic(
        "no-prerequisite", "requires:\n  - topic: nowhere  #! dangling-reference\n    why: {en: 'W', zh: '原因'}\n"
    ),
    "dangling-reference, paper": method("no-paper", "paper: nowhere  #! dangling-reference"),
    "dangling-reference, equation": topic("no-method", "equations:\n  - id: e\n    tex: x\n    method: adam  #! dangling-reference\n"),
    "requires-cycle": Break(
        topic("hen", "requires:\n  - {topic: egg, why: {en: 'W', zh: '原因'}}  #! requires-cycle\n").files
        | {
            "catalog/areas.yml": "- {id: area-hen, title: {en: A, zh: 领域}, summary: {en: S, zh: 概述}, topics: [hen, egg]}\n",
            "catalog/area-hen/egg/topic.yml": "id: egg\ntitle: {en: 'Egg', zh: '蛋'}\nrequires: [{topic: hen, why: {en: 'W', zh: '原因'}}]\nsummary: {en: 'It is.', zh: '它是。'}\n",
        }
    ),
    "requires-cycle, itself": topic("narcissus", "requires:\n  - {topic: narcissus, why: {en: 'W', zh: '原因'}}  #! requires-cycle\n"),
    "relation-type, implements": entry(
        "article-implements", more="  relations:\n    - rel: implements  #! relation-type\n      to: kingma-2014-adam"
    ),
    "relation-type, translates": entry(
        "code-translates", type="code", more="  relations:\n    - rel: translates  #! relation-type\n      to: kingma-2014-adam"
    ),
    "relation-type, itself": entry("self", more="  relations:\n    - rel: see-also\n      to: self  #! relation-type"),
    "relation-type, official": entry(
        "official", more="  relations:\n    - rel: see-also\n      to: zhihu-p-1\n      official: true  #! relation-type"
    ),
    "mirrored-relation": Break(
        {
            ENTRIES: entry("mirror-a", more="  relations: [{rel: see-also, to: mirror-b}]").files[ENTRIES]
            + entry("mirror-b", more="  relations:\n    - {rel: see-also, to: mirror-a}  #! mirrored-relation").files[ENTRIES]
        }
    ),
    "pick-order, twice": Break(
        {
            ENTRIES: entry("pick-first", more="  pick: 1").files[ENTRIES]
            + entry("pick-again", more="  pick: 1  #! pick-order").files[ENTRIES]
        }
    ),
    "pick-order, gap": Break(
        {"catalog/training/optimizers/entries.yml": entry("gap", topics="[optimizers]", more="  pick: 3  #! pick-order").files[ENTRIES]}
    ),
    "no-requirement": Break(
        {
            "catalog/areas.yml": "- {id: area-free, title: {en: A, zh: 领域}, summary: {en: S, zh: 概述}, topics: [free]}\n",
            "catalog/area-free/free/topic.yml": "id: free  #! no-requirement\ntitle: {en: 'Free', zh: '自由'}\nsummary: {en: 'It is.', zh: '它是。'}\n",
        }
    ),
    # Addresses and dates.
    "no-link": Break({ENTRIES: "- id: nothing  #! no-link\n  type: list\n  title: {en: 'Nothing'}\n  lang: en\n  topics: [pruning]\n"}),
    "link-scheme, javascript": entry("script", links='links:\n    - url: "javascript:alert(1)"  #! link-scheme'),
    "link-scheme, space": entry("space", links='links:\n    - url: "https://example.org/a b"  #! link-scheme'),
    "link-scheme, no host": entry("no-host", links='links:\n    - url: "https:///path"  #! link-scheme'),
    "link-scheme, archive": entry(
        "archive", links='links:\n    - url: "https://example.org/archive"\n      archive: "file:///etc/passwd"  #! link-scheme'
    ),
    "short-link": entry("short", links='links:\n    - url: "http://t.cn/RE4SKgt"  #! short-link'),
    "date, future": entry("future", more='  date: "2999"  #! date'),
    "date, no such day": entry("no-day", more='  date: "2019-02-29"  #! date'),
    "date, after added": entry("late", more='  date: "2020-05"  #! date\n  added: "2020-04-30"'),
    # Our words.
    "avoided-word": entry("layer", more='  note:\n    en: "Says how."\n    zh: "说明图层的作用。"  #! avoided-word'),
    "half-width-punctuation": entry("comma", more='  note:\n    en: "Says how."\n    zh: "先看结构,再看训练。"  #! half-width-punctuation'),
    "empty-text": entry("empty", more='  note:\n    en: " "  #! empty-text\n    zh: "说明。"'),
    "note-repeats-title": entry(
        "echo",
        title='title: {en: "How LSTMs Work"}',
        more='  note:\n    en: "How LSTMs work."  #! note-repeats-title\n    zh: "说明原理。"',
    ),
    "formula, unbalanced": topic("dollar", summary='summary:\n  en: "It costs $x."  #! formula\n  zh: "它是。"'),
    "formula, displayed": topic("display", summary='summary:\n  en: "It is $$x$$."  #! formula\n  zh: "它是。"'),
    "formula, tex": topic("tex", "equations:\n  - id: e\n    tex: $x$  #! formula\n"),
    "tex-structure, braces": topic("tex-braces", "equations:\n  - id: e\n    tex: '\\frac{a}{b'  #! tex-structure\n"),
    "tex-structure, left": topic("tex-left", "equations:\n  - id: e\n    tex: '\\left( x'  #! tex-structure\n"),
    "tex-structure, environment": topic(
        "tex-environment", "equations:\n  - id: e\n    tex: '\\begin{tabular} x \\end{tabular}'  #! tex-structure\n"
    ),
    "tex-structure, in a text": topic("tex-text", summary='summary:\n  en: "It is $x}$."  #! tex-structure\n  zh: "它是。"'),
    "mixed-spacing": entry("spacing", more='  note:\n    en: "Says how."\n    zh: "说明ReLU 的作用。"  #! mixed-spacing'),
    "untidy-text": entry("untidy", more='  note:\n    en: "Says  how. "  #! untidy-text\n    zh: "说明。"'),
    "untidy-text, title": entry("untidy-title", title='title:\n    en: " Title"  #! untidy-text'),
    "empty-praise": entry("praise", more='  note:\n    en: "A great introduction."  #! empty-praise\n    zh: "介绍。"'),
    "empty-praise, zh": entry("praise-zh", more='  note:\n    en: "Says how."\n    zh: "值得一读。"  #! empty-praise'),
    "title-languages": entry("one-title", type="book", title='title: {en: "One Title"}  #! title-languages'),
    "glossary-conflict, twice": Break(
        {"catalog/glossary.yml": "- term: {en: gate, zh: 门}\n  avoid:\n    - 權重衰減  #! glossary-conflict\n"}
    ),
    "glossary-conflict, part": Break(
        {"catalog/glossary.yml": "- term: {en: weight, zh: 权值}\n  avoid:\n    - 權重  #! glossary-conflict\n"}
    ),
    # Proof.
    "missing-object, module": method("no-module", "object: refimpl.training.nowhere:Thing  #! missing-object"),
    "missing-object, name": method("no-name", "object: refimpl.training.adam:Adamax  #! missing-object"),
    "missing-object, syntax": Break(
        method("no-python", "object: refimpl.training.broken:Thing  #! missing-object").files | {"refimpl/training/broken.py": "def (:\n"}
    ),
    "missing-test, function": topic(
        "no-test",
        "equations:\n  - id: e\n    tex: x\n    checked_by:\n      - tests/refimpl/training/test_adam.py::TestAdam::test_nothing  #! missing-test\n",
    ),
    "missing-test, file": topic(
        "no-test-file", "equations:\n  - id: e\n    tex: x\n    checked_by:\n      - tests/nowhere.py::test_it  #! missing-test\n"
    ),
    "missing-test, erratum": topic(
        "no-test-erratum",
        "errata:\n  - id: e\n    source: x\n    wrong: {en: 'W', zh: '错'}\n    right: {en: 'R', zh: '对'}\n    checked_by:\n      - tests/refimpl/training/test_adam.py  #! missing-test\n",
    ),
    "unproved-claim": topic("unproved", f"claims:\n{claim('unproved', '[{value: step, min: 0}]')}  #! unproved-claim\n"),
    "unproved-claim, no bound": topic("unbound", f"claims:\n{claim('unbound', '[{value: step}]')}  #! unproved-claim unproved-claim\n"),
    "missing-object, experiment": topic(
        "no-experiment",
        f"claims:\n{claim('no-experiment', '[{value: step, min: 0}]', 'refimpl.experiments.training:nothing')}  #! missing-object unproved-claim\n",
    ),
    "evidence-format": Break({"evidence/checks/cpu/broken.json": "{"}, at("evidence/checks/cpu/broken.json", "evidence-format")),
    "stale-evidence, method": Break(
        topic(
            "old", "methods:\n  - id: old  #! stale-evidence\n    title: {en: 'M', zh: '方法'}\n    object: refimpl.training.old:old\n"
        ).files
        | {"refimpl/training/old.py": "def old(): pass\n", "evidence/checks/cpu/old.json": CHECKS % "old"}
    ),
    "stale-evidence, claim": Break(
        topic("old-claim", f"claims:\n{claim('old-claim', '[{value: step, min: 0}]')}  #! stale-evidence\n").files
        | {"evidence/claims/old-claim.json": CLAIM % ("old-claim", "old")}
    ),
    "unverified-method": Break(
        topic(
            "unverified",
            "methods:\n  - id: unverified  #! unverified-method\n    title: {en: 'M', zh: '方法'}\n    object: refimpl.training.new:new\n",
        ).files
        | {"refimpl/training/new.py": "new = 1\n"}
    ),
    # The link checker's exceptions.
    "ignored-link": ignored("https://zhuanlan.zhihu.com/*", "2020-01-31"),
    "ignored-link, too long": ignored("https://github.com/Someone/*", "2999-01-31"),
    "ignored-link, no such day": ignored("https://example.org/obd.pdf", "2026-02-30"),
    "ignored-link, every host": ignored("https://*", SOON, "", "  #! ignored-link"),
    "ignored-link-unused": Break(
        {"catalog/ignore-links.yml": f'- match: "https://example.org/no"  #! ignored-link-unused\n  reason: "x"\n  until: "{SOON}"\n'}
    ),
}
