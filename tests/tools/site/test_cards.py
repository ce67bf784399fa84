from io import BytesIO
from pathlib import Path

import pytest
from dlatlas.catalog.load import load
from dlatlas.site import cards as drawing
from dlatlas.site.card_fonts import runs
from dlatlas.site.cards import SIZE, TITLE, WIDTH, Card, cards, draw, file_of, write_cards
from PIL import Image, ImageChops

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_title_of_the_catalog_has_its_letters_and_fits(lang: str) -> None:
    found = list(cards(load(REPOSITORY), lang))
    assert len({file_of(card.address) for card in found}) == len(found) > 80
    for card in found:
        for text in (card.above, card.title, card.below, card.foot):
            assert "".join(run for _, run in runs(text)) == text
        lines, size = drawing._fitted(card.title)
        assert len(lines) <= TITLE[-1][1] and all(drawing._length(line, size, 600) <= WIDTH for line in lines), card.title


def test_a_card_is_small_and_shows_its_words() -> None:
    card = Card("a/b/", "Generative models", "对抗样本，与鲁棒性", "Adversarial examples", "Deep Learning Atlas")
    data = draw(card, REPOSITORY)
    image = Image.open(BytesIO(data))
    assert image.size == SIZE and image.format == "PNG" and len(data) <= 40_000
    without = Image.open(BytesIO(draw(Card("a/b/", "", "", "", ""), REPOSITORY)))
    changed = ImageChops.difference(image.convert("RGB"), without.convert("RGB")).convert("L").point([0, *[255] * 255])
    inked = [changed.crop((0, top, 700, top + 210)).histogram()[255] for top in (0, 210, 420)]
    assert all(pixels > 500 for pixels in inked), inked


def test_no_line_begins_with_a_closing_mark() -> None:
    lines = drawing._wrapped("卷积" * 12 + "，" + "网络" * 12 + "。", 62, 600)
    assert len(lines) > 2 and all(line[0] not in "，。" for line in lines)
    assert drawing._wrapped("very " * 40, 62, 600)[0].endswith("very")


def test_only_new_and_changed_cards_are_drawn(site_tree: Path, tmp_path: Path) -> None:
    every = len(list(cards(load(site_tree), "en")))
    assert write_cards(site_tree, tmp_path / "cards", "en") == every
    assert write_cards(site_tree, tmp_path / "again", "en") == 0
    assert (tmp_path / "again/training/optimizers.png").read_bytes() == (tmp_path / "cards/training/optimizers.png").read_bytes()
    topic = site_tree / "catalog/training/optimizers/topic.yml"
    topic.write_text(topic.read_text("utf-8").replace("Optimizers", "Optimization methods", 1), "utf-8")
    assert write_cards(site_tree, tmp_path / "cards", "en") == 1
