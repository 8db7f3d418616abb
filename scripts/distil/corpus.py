"""Freely licensed English out of Python packages: token frequencies, and sentences for the training.

Reads documentation files out of source archives and docstrings out of wheels (corpus.txt names them with hashes and
licences). Output (not in the tree): CACHE/sentences.txt, one sentence a line, in an order that only their hash
decides; CACHE/frequencies.npy, counts of token ids over all of them.
"""
import ast
import hashlib
import re
import tarfile
import zipfile

import numpy as np

from common import CACHE, plain_ids, tokenizer

SENTENCES_MAX = 98_304
PROSE = (".rst", ".md", ".txt")
SKIPPED = re.compile(r"(^|/)(tests?|testing|locale|vendor|_vendor|third_party|node_modules|licen[cs]es?)(/|$)|changelog|LICEN[CS]E|AUTHORS", re.I)
ROLE = re.compile(r":[\w:+.-]+:`~?!?([^`<]*?)(?:\s*<[^`>]*>)?`")
LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)|`([^`<]+?)\s*<[^`>]*>`_{1,2}")
MARKUP = re.compile(r"[`*|]|</?[a-zA-Z][^>]*>|\[\d+\]_?|(?<=\w)_(?=[\s.,;)])")
SPLIT = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")


def archives():
    """Name and text of every file that may hold prose, archive by archive in the order of their names."""
    for path in sorted((CACHE / "corpus").iterdir(), key=lambda p: p.name.lower()):
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                members = sorted((m for m in archive if m.isfile()), key=lambda m: m.name)
                for member in members:
                    if wanted(member.name):
                        yield member.name, archive.extractfile(member).read().decode("utf-8", "ignore")
        elif path.name.endswith(".whl"):
            with zipfile.ZipFile(path) as archive:
                for name in sorted(archive.namelist()):
                    if wanted(name):
                        yield name, archive.read(name).decode("utf-8", "ignore")


def wanted(name):
    """Prose and code, but no tests, translations or licence texts."""
    return name.endswith((*PROSE, ".py", "METADATA")) and not SKIPPED.search(name)


def docstrings(text):
    """The docstrings of a module and of all that is in it."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            doc = ast.get_docstring(node)
            if doc:
                yield doc


def paragraphs(text):
    """Running text: no code blocks, directives, tables, headings or lists of fields."""
    fenced = False
    lines = []
    for line in [*text.splitlines(), ""]:
        bare = line.strip()
        if bare.startswith(("```", "~~~")):
            fenced = not fenced
            bare = ""
        heading = len(bare) > 2 and len(set(bare)) == 1 and not bare[0].isalnum()
        if heading and lines:
            lines.pop()
        if not bare or fenced or heading or bare.startswith(("..", ">>>", "#", "|", "+-", ":", "$ ", "%")):
            if lines:
                yield " ".join(lines)
            lines = []
            continue
        item = re.match(r"(?:[-*+]|\d+\.|#\.)\s+(.*)", bare)
        if item and lines:
            yield " ".join(lines)
            lines = []
        lines.append(item[1] if item else bare)


def sentences(paragraph):
    """Sentences of 4 to 60 words that look like language."""
    text = ROLE.sub(r"\1", paragraph)
    text = LINK.sub(lambda m: m[1] or m[2] or "", text)
    text = " ".join(MARKUP.sub("", text).replace("::", ":").split())
    for sentence in SPLIT.split(text):
        words = sentence.split()
        plain = sum(c.isascii() and (c.isalpha() or c == " ") for c in sentence)
        if 4 <= len(words) <= 60 and plain >= 0.85 * len(sentence) and max(map(len, words)) <= 40:
            yield sentence


def main():
    found = {}
    for name, text in archives():
        for part in docstrings(text) if name.endswith(".py") else [text]:
            for paragraph in paragraphs(part):
                for sentence in sentences(paragraph):
                    found.setdefault(hashlib.blake2b(sentence.encode(), digest_size=12).digest(), sentence)
    lines = [found[key] for key in sorted(found)]
    tok = tokenizer()
    counts = np.zeros(tok.get_vocab_size(), np.int64)
    for at in range(0, len(lines), 10_000):
        for ids in plain_ids(tok, lines[at : at + 10_000]):
            np.add.at(counts, ids, 1)
    np.save(CACHE / "frequencies.npy", counts)
    (CACHE / "sentences.txt").write_text("\n".join(lines[:SENTENCES_MAX]) + "\n")
    print(f"{len(lines)} sentences, {counts.sum()} tokens, {np.count_nonzero(counts)} of {len(counts)} tokens seen")


if __name__ == "__main__":
    main()
