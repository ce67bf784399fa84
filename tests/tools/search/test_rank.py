"""In which order documents stand, and why."""

from __future__ import annotations

import pytest

from tests.tools.search.made import ask, document, ids, index_of

FILLER = [document(f"filler-{i}", f"Something else {i}", note="unrelated words of other works") for i in range(30)]


def test_fields_weigh_differently() -> None:
    database = index_of(
        document("in-address", "A", address="zeta"),
        document("in-note", "B", note="zeta"),
        document("in-authors", "C", authors="Zeta"),
        document("in-title", "About zeta"),
        *FILLER,
    )
    assert ids(ask(database, "zeta")) == ["in-title", "in-authors", "in-note", "in-address"]


def test_whole_names_come_before_parts_of_names() -> None:
    database = index_of(
        document("longer", "Zeta nets in practice"), document("whole", "Zeta nets"), document("zeta", "Zeta nets", type="topic"), *FILLER
    )
    assert ids(ask(database, "zeta nets"))[:3] == ["zeta", "whole", "longer"]


def test_exact_before_synonym_before_fuzzy() -> None:
    database = index_of(
        document("synonym", "About pruning"), document("exact", "About trimming"), *FILLER, synonyms=[("pruning", "trimming", "剪枝")]
    )
    assert ids(ask(database, "trimming")) == ["exact", "synonym"]
    assert ids(ask(database, "pruning")) == ["synonym", "exact"]
    assert set(ids(ask(database, "剪枝"))) == {"synonym", "exact"}
    fuzzy = ask(database, "trimmimg")
    assert fuzzy.corrected == {"trimmimg": "trimming"} and ids(fuzzy)[0] == "exact"


def test_a_part_of_a_name_means_less_than_another_whole_one() -> None:
    """For "convolution kernel" a work on filters comes before one on any kernel."""
    family = [("convolution kernel", "kernel", "filter")]
    database = index_of(document("kernel", "About kernel"), document("filter", "About filter"), *FILLER, synonyms=family)
    assert ids(ask(database, "convolution kernel")) == ["filter", "kernel"]
    assert ids(ask(database, "kernel")) == ["kernel", "filter"]


def test_essential_and_primary_works_come_first_among_equals() -> None:
    database = index_of(
        document("commentary", "On zeta", prior=-0.3), document("primary", "On zeta", prior=0.5), document("pick", "On zeta", prior=1.5)
    )
    assert ids(ask(database, "on zeta")) == ["pick", "primary", "commentary"]


def test_ties_stand_in_reading_order() -> None:
    database = index_of(*(document(f"e{i}", "Same zeta title") for i in (3, 1, 2)))
    assert ids(ask(database, "zeta")) == ["e3", "e1", "e2"]
    assert ids(ask(database, "zeta", limit=2)) == ["e3", "e1"]


def test_works_that_have_all_words_come_before_those_that_lack_one() -> None:
    both = document("both", "Long title", note="eta and zeta")
    database = index_of(document("one", "zeta zeta zeta"), both, document("other", "eta"), *FILLER)
    assert ids(ask(database, "zeta eta"))[0] == "both"
    assert set(ids(ask(database, "zeta eta"))) >= {"both", "one", "other"}


def test_groups_next_to_each_other_count() -> None:
    database = index_of(document("apart", "zeta of the eta"), document("beside", "of the zeta eta"), *FILLER)
    assert ids(ask(database, "zeta eta")) == ["beside", "apart"]


def test_a_topic_is_found_by_its_names_and_so_are_its_works() -> None:
    database = index_of(
        document("net", "Nets", type="topic", topics="net", prior=3.0),
        document("inside", "Unlike", topics="net"),
        document("second", "Unlike too", topics="other net"),
        *FILLER,
        subjects=[("Nets", "topic=net", 1.0), ("网", "topic=net", 1.0)],
    )
    assert ids(ask(database, "nets")) == ["net", "inside", "second"]
    assert ids(ask(database, "网")) == ["net", "inside", "second"]


def test_where_few_are_found_their_kin_follows() -> None:
    database = index_of(document("paper", "On zeta", topics="net"), document("code", "someone/repository", kin=("paper",)), *FILLER)
    answer = ask(database, "zeta", explain=True)
    assert ids(answer) == ["paper", "code"]
    assert {"what": "without zeta", "points": 0.0} in answer.hits[1]["explain"]


def test_the_explanation_adds_up_to_the_score() -> None:
    database = index_of(document("zeta", "Zeta nets", note="zeta and eta", prior=1.0, topics="net"), document("eta", "eta nets"), *FILLER)
    for query in ("zeta nets", "eta zeta missing", "zeta"):
        for hit in ask(database, query, explain=True).hits:
            assert sum(part["points"] for part in hit["explain"]) == pytest.approx(hit["score"], abs=1e-3)
            assert [part["points"] for part in hit["explain"]] == sorted((part["points"] for part in hit["explain"]), reverse=True)


def test_scores_fall_and_are_positive() -> None:
    found = (document(f"d{i}", "zeta " * i + "eta", prior=-0.3) for i in range(1, 9))
    database = index_of(*found, document("k", "K", keys="arxiv:1412.6980"))
    scores = [hit["score"] for hit in ask(database, "zeta").hits]
    assert scores == sorted(scores, reverse=True) and min(scores) > 0
    assert ask(database, "1412.6980").hits[0]["score"] > max(scores)


def test_no_query_and_no_filter_finds_nothing() -> None:
    database = index_of(*FILLER)
    assert ids(ask(database, "")) == [] == ids(ask(database, "-zeta"))
    assert len(ids(ask(database, "", type="paper"))) == 20 and ask(database, "", type="paper").total == 30


def test_a_question_finds_the_title_that_asks_it() -> None:
    titles = {"plain": "Zeta nets in depth", "question": "Why do zeta nets learn?", "chinese": "Zeta nets 为什么能学习"}
    titles["other"] = "How zeta nets learn"
    database = index_of(*(document(id, title) for id, title in titles.items()), *FILLER)
    assert set(ids(ask(database, "why zeta nets"))[:2]) == {"question", "chinese"} == set(ids(ask(database, "为什么 zeta nets"))[:2])
    assert ids(ask(database, "how zeta nets"))[0] == "other"


def test_a_name_counts_more_than_the_same_without_function_words() -> None:
    database = index_of(document("whole", "Zeta is all you need"), document("zeta", "Zeta", type="topic"), *FILLER)
    assert ids(ask(database, "zeta is all you need"))[0] == "whole" and ids(ask(database, "the zeta"))[0] == "zeta"


def test_the_first_results_do_not_depend_on_how_many_are_shown() -> None:
    titles = ("zeta", "zeta eta", "eta", "theta eta zeta", "theta", "zeta theta")
    database = index_of(*(document(f"d{i}", f"{titles[i % 6]} {i}", note="zeta " * (i % 3)) for i in range(60)))
    for query in ("zeta", "zeta eta", "zeta eta theta", "zeta missing", "difference zeta eta"):
        most = ids(ask(database, query, limit=50))
        assert all(ids(ask(database, query, limit=limit)) == most[:limit] for limit in (1, 3, 5, 10, 20, 40))


def test_words_that_no_document_has_are_told() -> None:
    database = index_of(document("net", "Zeta nets", type="topic"), document("other", "Methods of nets"), *FILLER)
    answer = ask(database, "xyzzy zeta nets")
    assert ids(answer)[0] == "net" and answer.unknown == ["xyzzy"] and ask(database, "zeta").unknown == []
    assert ids(ask(database, "xyzzy methods")) == [] and ask(database, "xyzzy").unknown == ["xyzzy"]
