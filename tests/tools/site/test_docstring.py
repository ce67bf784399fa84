from dlatlas.site.docstring import prose


def test_paragraphs_and_inline_code() -> None:
    assert prose("One\nline.\n\nTwo ``x``.") == "<p>One line.</p><p>Two <code>x</code>.</p>"


def test_fields_become_a_list_of_definitions() -> None:
    html = prose("Do.\n\nArgs:\n    x: the point,\n        on two lines.\n    a, b: others.\n")
    assert "<dt><code>x</code></dt><dd>the point, on two lines.</dd>" in html
    assert "<dt><code>a, b</code></dt><dd>others.</dd>" in html


def test_aligned_lines_are_kept() -> None:
    html = prose("Title\n\nEquations (x input)\n    mean   m = sum(x) / n\n    var    v = sum((x - m)^2)\n")
    assert '<p class="doc-part">Equations (x input)</p><pre><code>mean   m = sum(x) / n\nvar    v' in html


def test_numbered_sections_become_lists() -> None:
    html = prose("T\n\nDeviations\n    1. One\n       goes on.\n    2. Two.\n")
    assert "<ol><li>One goes on.</li><li>Two.</li></ol>" in html


def test_a_section_of_prose_is_a_paragraph_a_sentence_end() -> None:
    html = prose("T\n\nSources\n    First, a book\n    of 1990.\n    Second.\n")
    assert "<p>First, a book of 1990.</p><p>Second.</p>" in html


def test_display_formulas_and_listings() -> None:
    html = prose("T\n\n$$\na < b\n$$\n\n```\nx = 1\n```\n\n>>> 1 < 2\nTrue\n")
    assert '<div class="arithmatex">\\[a &lt; b\\]</div>' in html
    assert "<pre><code>x = 1</code></pre>" in html
    assert "<pre><code>&gt;&gt;&gt; 1 &lt; 2\nTrue</code></pre>" in html


def test_bullets() -> None:
    assert prose("Either:\n- a\n- b\n  more") == "<p>Either:</p><ul><li>a</li><li>b more</li></ul>"


def test_markup_in_a_docstring_is_text() -> None:
    assert "<script>" not in prose("<script>x</script>\n\nArgs:\n    <b>: <i>x</i>\n")


def test_roles_are_dropped() -> None:
    assert prose("See :class:`Adam`.") == "<p>See <code>Adam</code>.</p>"
