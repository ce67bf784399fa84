"""The tables of the index, and the names that those who fill and those who read them share."""

from __future__ import annotations

FIELDS = ("title", "aliases", "authors", "venue", "topics", "related", "note", "address")
"""The indexed fields."""

EVERY = 'tags : "every"'
"""The FTS5 expression that every document matches."""

TOLD = -1000
"""Families of expressions have numbers: terms of the field from 0 on, words of how things are told and asked from -1 down to this, and
other everyday words below."""

TABLES = f"""
CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE docs(doc INTEGER PRIMARY KEY, {", ".join(FIELDS)}, tags TEXT, prior REAL, id TEXT, shown TEXT);
CREATE TABLE names(name TEXT, doc INTEGER, bonus REAL, major INTEGER);
CREATE TABLE keys(key TEXT, doc INTEGER);
CREATE TABLE facets(field TEXT, value TEXT, documents INTEGER);
CREATE TABLE kin(doc INTEGER, id TEXT);
CREATE TABLE subjects(name TEXT, phrase TEXT, tag TEXT, quality REAL);
CREATE TABLE synonyms(phrase TEXT, family INTEGER);
CREATE TABLE members(family INTEGER, tokens TEXT, units TEXT, name TEXT, shared INTEGER);
CREATE TABLE terms(term TEXT PRIMARY KEY, documents INTEGER) WITHOUT ROWID;
CREATE TABLE spellings(word TEXT PRIMARY KEY, documents INTEGER) WITHOUT ROWID;
CREATE TABLE grams(gram TEXT, length INTEGER, word TEXT, PRIMARY KEY (gram, length, word)) WITHOUT ROWID;
CREATE TEMP TABLE spelled(word TEXT);
CREATE TEMP TABLE loose_grams(gram TEXT, length INTEGER, word TEXT);
CREATE VIRTUAL TABLE words USING fts5(
    {", ".join(FIELDS)}, tags, content = 'docs', content_rowid = 'doc', columnsize = 0, tokenize = "ascii tokenchars '+#=-'"
);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(words, row);
INSERT INTO words(words, rank) VALUES ('hashsize', {64 << 20});
"""

INDEXES = """
CREATE INDEX names_name ON names(name);
CREATE INDEX names_major ON names(name) WHERE major;
CREATE INDEX keys_key ON keys(key);
CREATE INDEX kin_doc ON kin(doc);
CREATE INDEX kin_id ON kin(id);
CREATE INDEX docs_id ON docs(id);
CREATE INDEX subjects_name ON subjects(name);
CREATE INDEX subjects_phrase ON subjects(phrase);
CREATE INDEX synonyms_phrase ON synonyms(phrase);
CREATE INDEX members_family ON members(family);
"""
