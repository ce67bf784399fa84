"""The search of the site finds what the command finds: the same prepared text, and the same queries in a browser."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dlatlas.catalog.load import load
from dlatlas.search import rank, search, text
from dlatlas.search.documents import documents
from dlatlas.search.evaluate import name_of
from dlatlas.site import node_tools
from dlatlas.site import search as site_search
from dlatlas.site.page_text import read

from tests.tools.tree import write

REPOSITORY = Path(__file__).resolve().parents[3]
ASSETS = REPOSITORY / "docs/assets"

EXACT = (
    "lstm",
    "剪枝",
    "生成对抗网络",
    "卷積神經網路",
    "DQN",
    "BN",
    "word2vec",
    "attention is all you need",
    "1412.6980",
    "https://arxiv.org/pdf/1706.03762v5.pdf",
    "10.1162/neco.1997.9.8.1735",
    "locuslab/TCN",
    "U-Net",
    "group normalisation",
    "谱归一化",
    "Wasserstein GAN",
    "梯度消失",
    "dropout",
    "神经图灵机",
    "t-SNE",
)
"""Queries that name one thing: the first result is the same."""

OPEN = (
    "lstm visualization",
    "GAN训练技巧",
    "karpathy",
    "recurrent network regularisation",
    "atention machanism",
    "强化学习 pytorch",
    "early stopping keras",
    "word embedding matrix factorization",
    "图像风格迁移",
    "hinton 2006",
)
"""Queries with several good answers: of the first five, most are the same."""

OVERLAP = 0.6
"""The least mean share of the first five results that both have, over all queries."""


def node(code: str, *arguments: str) -> Any:
    """What a module of JavaScript prints as JSON."""
    command = [node_tools.executable(), "--input-type=module", "--eval", code, *arguments]
    return json.loads(subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True, timeout=60).stdout)


PREPARE = f"""
import {{ readFileSync }} from "node:fs";
import {{ hashed, Preparer }} from "{(ASSETS / "search-text.js").as_uri()}";
const [rules, texts] = process.argv.slice(1).map((file) => JSON.parse(readFileSync(file, "utf8")));
const preparer = new Preparer(rules);
console.log(JSON.stringify(texts.map((text) => [preparer.words(text), preparer.units(text), preparer.squash(text), hashed("name", text)])));
"""


def test_text_is_prepared_alike_in_both(tmp_path: Path) -> None:
    """Every word, title and alias of the catalog, and odd ones, become the same in the browser as in the command."""
    catalog = load(REPOSITORY)
    texts = [
        *site_search.vocabulary(catalog),
        *(title for entry in catalog.entries for name in entry.title.__struct_fields__ if (title := getattr(entry.title, name))),
        *(alias for topic in catalog.topics for alias in topic.aliases),
        *("ﬁne-tuning’s", "Ｆｕｌｌ Ｗｉｄｔｈ", "naïve café", "C++ and c#", "don't U-Net", "㎏ ½ Ⅳ"),
        *("機器學習與資訊", "İstanbul ß", "a\u0301😀", ""),
    ]
    (tmp_path / "rules.json").write_text(json.dumps(site_search.rules(catalog)), "utf-8")
    (tmp_path / "texts.json").write_text(json.dumps(texts), "utf-8")
    prepared = node(PREPARE, str(tmp_path / "rules.json"), str(tmp_path / "texts.json"))
    for given, found in zip(texts, prepared, strict=True):
        words = list(text.words(given))
        assert found == [words, list(text.units(given)), text.squash(given), site_search.hashed("name", given)], given


def built(site: Path, path: str, body: str) -> None:
    for lang in ("en", "zh"):
        write(site, {f"{lang}/{path}index.html": body})


def test_records_hold_fields_names_keys_and_other_expressions(tree: Path, tmp_path: Path) -> None:
    catalog = load(tree)
    site = tmp_path / "site"
    for area in catalog.areas:
        for topic in area.topics:
            built(site, f"{area.id}/{topic}/", '<h3 id="code-adam">')
    head = '<meta name="description" content="Said."><div class="kind-page"><article><h1>How <b>we</b> do<a class="headerlink">#</a></h1>'
    built(site, "how/", head + '<br><p>words <span class="math">tex</span> of it<script>no()</script></p></article></div><p>outside</p>')
    records = {(record.shown["type"], record.shown["id"]): record for record in site_search.records(site, catalog)}
    parts = {name: [(strength, " ".join(words)) for strength, words in record.parts] for name, record in records.items()}
    said = {name: " / ".join(words for _, words in found) for name, found in parts.items()}
    adam = "paper", "kingma-2014-adam"
    assert records[adam].shown["path"] == "training/optimizers/#entry-kingma-2014-adam"
    title = " ".join(text.tokens("Adam: A Method for Stochastic Optimization Adam：一种随机优化方法"))
    assert (rank.WEIGHTS["title"], title) in parts[adam]
    assert site_search.hashed("key", "arxiv:1412.6980") in said[adam]
    assert site_search.hashed("name", text.squash("Adam: a method for stochastic optimization")) in said[adam]
    assert records["method", "adam"].shown["path"] == "training/optimizers/#code-adam"
    decay = next(name for name in records if name[1] == "zhihu-p-1")
    assert " ".join(text.tokens("weight decay")) in said[decay] and "zh" in records[decay].facets["lang"]
    assert said["page", "how/"].endswith(" ".join(text.tokens("How we do words of it")))
    assert "tex" not in said["page", "how/"] and "outside" not in said["page", "how/"]


def test_pages_that_lack_a_language_or_a_kind_are_left_out(tmp_path: Path) -> None:
    built(tmp_path, "none/", "<article><h1>Topic</h1></article>")
    write(tmp_path, {"en/only/index.html": '<div class="kind-page"><article><h1>x</h1></article></div>'})
    assert list(read(tmp_path)) == []


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The search of the shipped catalog with its dialog on an otherwise empty page."""
    site = tmp_path_factory.mktemp("search-site")
    catalog = load(REPOSITORY)
    footer = (REPOSITORY / "docs/overrides/partials/footer.html").read_text("utf-8")
    for area in catalog.areas:
        for topic in area.topics:
            built(site, f"{area.id}/{topic}/", '<!doctype html><title>x</title><h2 id="state">x</h2>')
    for lang, other in (("en", "zh"), ("zh", "en")):
        values = {"words.search": "Search", "base_url": ".", "config.extra.lang": lang, "config.extra.other": other}
        dialog = re.search(r"<dialog.*</dialog>", footer, re.S)[0]  # type: ignore[index]
        dialog = re.sub(r"{{ (\S+) }}", lambda m, values=values: values[m[1]], dialog)
        head = '<!doctype html><html><head><title>x</title><link rel="icon" href="data:,"></head><body>'
        write(site, {f"{lang}/index.html": f'{head}{dialog}<script type="module" src="assets/search.js"></script></body></html>'})
        for script in ASSETS.glob("search*.js"):
            write(site, {f"{lang}/assets/{script.name}": script.read_text("utf-8")})
    site_search.prepare(site, catalog)
    return site


def browse(site: Path, lang: str, *queries: str) -> list[dict[str, Any]]:
    """What the dialog shows for each query; the page must have no fault."""
    script = Path(__file__).with_name("search_in_browser.mjs")
    command = [node_tools.executable(), str(script), str(node_tools.FOLDER / "gates"), str(site), lang, json.dumps(queries)]
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=170)
    if "no Chromium" in result.stderr:
        pytest.skip("Chromium is not installed")
    assert result.returncode == 0, result.stderr
    answer = json.loads(result.stdout)
    assert answer["faults"] == []
    return list(answer["found"])


def test_the_site_and_the_command_agree(site: Path) -> None:
    shares = []
    for query, shown in zip((*EXACT, *OPEN), browse(site, "en", *EXACT, *OPEN), strict=True):
        command = list(map(name_of, search(REPOSITORY, query, limit=5).hits))
        page = shown["results"][: max(1, len(command))]
        assert page and command, query
        if query in EXACT:
            assert page[0] == command[0], query
        shares.append(len(set(page) & set(command)) / len(command))
    share = sum(shares) / len(shares)
    print(f"of the first five results, {share:.0%} are the same")
    assert share >= OVERLAP, shares


def test_the_dialog_in_chinese(site: Path) -> None:
    title, filtered, nothing, near = browse(site, "zh", "随机失活", "capsule framework:pytorch", "zzzzzzzz", "wasserstien")
    assert title["results"][0] == "topic:dropout" and title["links"][0] == "/atlas/zh/training/dropout/" and "随机失活" in title["marks"]
    assert set(filtered["results"][:2]) == {"gh-gram-ai-capsule-networks", "gh-timomernick-pytorch-capsule"}
    assert nothing["results"] == [] and nothing["status"] == "没有找到。"
    assert "topic:wasserstein" in near["results"] and "wasserstein" in near["status"]


def test_no_two_names_share_their_word() -> None:
    names = {("name", text.squash(name)) for document in documents(load(REPOSITORY)) for name, _ in document.names}
    names |= {("key", key) for document in documents(load(REPOSITORY)) for key in document.keys}
    assert len({site_search.hashed(*one) for one in names}) == len(names) > 2000
