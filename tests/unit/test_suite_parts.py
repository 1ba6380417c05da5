"""What the parts of the suite promise: labels that follow from the sentence, and no short cut to them."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest

from core.data import lexicon, lexicon_world
from core.data.load import facts_of, load_dataset
from core.data.suite import SIZES, SuiteSentence, sentences
from core.data.suite.drawing import OPEN_TAGS, is_closed, stem
from core.refs import Suite

SPLITS = ("train", "dev", "test")
PARTS = tuple(SIZES)
CLAUSED = tuple(part for part in PARTS if part not in ("entailment", "answers"))
SUBJECTS = {"nsubj", "nsubj:pass"}

Features = Callable[[SuiteSentence], Iterable[str]]


def words_of(sentence: SuiteSentence) -> list[str]:
    return [word.lower() for word in sentence.words]


def bigrams(sentence: SuiteSentence) -> list[str]:
    words = ["<", *words_of(sentence)]
    return [f"{one} {other}" for one, other in pairwise(words)]


def hypothesis(sentence: SuiteSentence) -> list[str]:
    assert sentence.partner
    return [*words_of(sentence.partner), *bigrams(sentence.partner)]


def counted_accuracy(part: str, label: str, features: Features) -> float:
    """Accuracy on dev of naive Bayes over the presence of features in train, add-one smoothed."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    for sentence in sentences("train", part):
        totals[sentence.labels[label]] += 1
        found[sentence.labels[label]].update(set(features(sentence)))
    right = 0
    for sentence in sentences("dev", part):
        held = set(features(sentence))
        scores = {
            name: math.log(total) + sum(math.log((found[name][one] + 1) / (total + 2)) for one in held)
            for name, total in totals.items()
        }
        right += max(scores, key=lambda name: scores[name]) == sentence.labels[label]
    return right / len(sentences("dev", part))


def children(sentence: SuiteSentence, top: int) -> list[int]:
    return [position for position, head in enumerate(sentence.heads, 1) if head == top]


def of_relation(sentence: SuiteSentence, top: int, relations: set[str]) -> list[int]:
    return [child for child in children(sentence, top) if sentence.relations[child - 1] in relations]


# --- no short cut ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("features", [words_of, bigrams], ids=["words", "bigrams"])
def test_agreement_is_not_in_words_or_neighbouring_words(features):
    assert 0.40 < counted_accuracy("agreement", "agreement", features) < 0.56


def test_entailment_is_not_in_the_hypothesis():
    assert counted_accuracy("entailment", "entailment", hypothesis) < 0.36


@pytest.mark.parametrize("part", ["reviews", "harbour"])
def test_sentiment_is_not_all_in_the_words(part):
    assert 0.5 < counted_accuracy(part, "sentiment", words_of) < 0.8


def test_question_type_is_not_all_in_the_first_word():
    assert counted_accuracy("questions", "question", lambda sentence: words_of(sentence)[:1]) < 0.95


def test_every_hypothesis_has_one_premise_of_each_kind():
    for split in SPLITS:
        kinds = defaultdict(list)
        for sentence in sentences(split, "entailment"):
            assert sentence.partner
            kinds[sentence.partner.words].append(sentence.labels["entailment"])
        groups = Counter(tuple(sorted(found)) for found in kinds.values())
        assert all(len(set(found)) == 3 and len(found) % 3 == 0 for found in groups)


def test_no_hypothesis_repeats_its_premise():
    made = [one for split in SPLITS for one in sentences(split, "entailment")]
    assert not any(one.partner and one.words == one.partner.words for one in made)


def test_half_of_the_hypotheses_are_negated_and_premises_of_every_kind_are():
    negators = {"not", "no", "never", "nobody", "neither"}
    made = sentences("train", "entailment")
    in_hypotheses = [bool(negators & set(words_of(sentence.partner))) for sentence in made if sentence.partner]
    assert 0.35 < sum(in_hypotheses) / len(made) < 0.6
    for kind in ("entailment", "neutral", "contradiction"):
        of_kind = [bool(negators & set(words_of(one))) for one in made if one.labels["entailment"] == kind]
        assert 0.3 < sum(of_kind) / len(of_kind) < 0.65, kind


# --- agreement ------------------------------------------------------------------------------------------------------

SINGULAR, PLURAL = {"is", "was", "has", "does"}, {"are", "were", "have", "do"}


def test_minimal_pairs_differ_in_one_verb_form_and_come_together():
    for split in SPLITS:
        by_words = {sentence.words: sentence for sentence in sentences(split, "agreement")}
        for sentence in by_words.values():
            other = by_words[sentence.contrast]
            differing = [
                at for at, pair in enumerate(zip(sentence.words, other.words, strict=True)) if len(set(pair)) > 1
            ]
            assert len(differing) == 1, sentence.words
            assert sentence.upos[differing[0]] in ("VERB", "AUX")
            assert {sentence.labels["agreement"], other.labels["agreement"]} == {"right", "wrong"}


def test_agreement_labels_follow_from_subject_and_verb():
    singular = {*lexicon_world.PEOPLE, *lexicon_world.BOTH, *lexicon_world.THINGS}
    for sentence in (one for split in SPLITS for one in sentences(split, "agreement")):
        top = sentence.heads.index(0) + 1
        (subject,) = of_relation(sentence, top, SUBJECTS)
        plural = sentence.words[subject - 1] not in singular
        assert sentence.labels["number"] == ("plural" if plural else "singular"), sentence.words
        helpers = [sentence.words[child - 1] for child in of_relation(sentence, top, {"aux", "cop"})]
        verb = helpers[0] if helpers else sentence.words[top - 1]
        other = next(two for one, two in zip(sentence.words, sentence.contrast, strict=True) if one != two)
        many = verb in PLURAL if helpers else lexicon.s_form(verb) == other
        assert (plural == many) == (sentence.labels["agreement"] == "right"), sentence.words


def _singular(word: str) -> str:
    """The noun of which this is the plural, or the word itself."""
    for ending, instead in (("ies", "y"), ("es", ""), ("s", "")):
        cut = word.removesuffix(ending) + instead
        if word.endswith(ending) and lexicon.s_form(cut) == word:
            return cut
    return word


def test_attractors_of_either_number_stand_between_subject_and_verb():
    seen: Counter[tuple[str, bool]] = Counter()
    for sentence in sentences("train", "agreement"):
        top = sentence.heads.index(0) + 1
        (subject,) = of_relation(sentence, top, SUBJECTS)
        between = [sentence.words[at] for at in range(subject, top - 1) if sentence.upos[at] == "NOUN"]
        assert between, sentence.words
        seen[sentence.labels["number"], _singular(between[-1]) != between[-1]] += 1
    assert len(seen) == 4
    assert min(seen.values()) > 0.15 * seen.total()


# --- tense and number -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", CLAUSED)
def test_tense_and_number_follow_from_the_main_clause(part):
    """By the auxiliary where there is one, which is the finite word then."""
    past, present = {"was", "were", "did", "had"}, {"is", "are", "am", "do", "does", "has", "have"}
    seen: Counter[str] = Counter()
    for sentence in (one for split in SPLITS for one in sentences(split, part)):
        top = sentence.heads.index(0) + 1
        helpers = of_relation(sentence, top, {"aux", "cop", "aux:pass"})
        if not helpers or sentence.labels.get("agreement") == "wrong":
            continue
        finite = sentence.words[helpers[0] - 1].lower()
        assert finite in past | present, sentence.words
        assert sentence.labels["tense"] == ("past" if finite in past else "present"), sentence.words
        subject = [sentence.words[child - 1].lower() for child in of_relation(sentence, top, SUBJECTS)]
        if subject and subject[0] not in ("i", "you"):
            if finite in SINGULAR:
                assert sentence.labels["number"] == "singular", sentence.words
            if finite in PLURAL:
                assert sentence.labels["number"] == "plural", sentence.words
        seen[sentence.labels["tense"]] += 1
    assert min(seen["past"], seen["present"]) > 300


@pytest.mark.parametrize("part", CLAUSED)
def test_tense_and_number_have_both_values_often(part):
    for split in SPLITS:
        made = sentences(split, part)
        for label in ("tense", "number"):
            assert min(Counter(one.labels[label] for one in made).values()) > 0.15 * len(made)


# --- questions ------------------------------------------------------------------------------------------------------


def test_question_types_follow_from_the_main_clause():
    """The question word is a word, or the start of one, directly under the root; embedded ones do not count."""
    for sentence in (one for split in SPLITS for one in sentences(split, "questions")):
        top = sentence.heads.index(0) + 1
        under = [*children(sentence, top), *(low for child in children(sentence, top) for low in children(sentence, child)
                 if sentence.relations[child - 1] in ("advmod", "obj"))]  # fmt: skip
        asked = {
            word for child in under
            if (word := sentence.words[child - 1].lower()) in ("who", "what", "where", "when", "why", "how")
            and sentence.relations[child - 1] != "mark"
        }  # fmt: skip
        if sentence.labels["question"] in ("statement", "yes/no"):
            assert not asked, sentence.words
        else:
            assert asked == {sentence.labels["question"]}, sentence.words


def test_question_words_stand_in_statements_too():
    asked = {"who", "what", "where", "when", "why", "how"}
    for kind in ("statement", "yes/no"):
        made = [one for one in sentences("train", "questions") if one.labels["question"] == kind]
        assert sum(bool(asked & set(words_of(one))) for one in made) > 0.3 * len(made)


# --- words ----------------------------------------------------------------------------------------------------------


def open_words(split: str, part: str, lexicon_use: str) -> set[str]:
    made = [one for pair in sentences(split, part, lexicon_use) for one in (pair, pair.partner) if one]
    return {
        word.lower()
        for one in made
        for word, tag in zip(one.words, one.upos, strict=True)
        if tag in OPEN_TAGS and not is_closed(word)
    }


@pytest.mark.parametrize("part", PARTS)
def test_a_split_lexicon_shares_no_open_class_word(part):
    train, held = (
        open_words("train", part, "split"),
        open_words("dev", part, "split") | open_words("test", part, "split"),
    )
    assert not train & held
    assert not {stem(word) for word in train} & {stem(word) for word in held}
    assert min(len(train), len(held)) > 100
    assert len(sentences("train", part, "split")) == SIZES[part]["train"]
    shared = open_words("train", part, "shared")
    assert len(open_words("dev", part, "shared") & shared) > 0.8 * len(open_words("dev", part, "shared"))


def test_closed_words_are_few_and_no_content():
    assert len(lexicon.CLOSED) < 200
    closed = Counter(
        tag
        for part in PARTS
        for one in sentences("dev", part)
        for word, tag in zip(one.words, one.upos, strict=True)
        if is_closed(word)
    )
    assert closed["NOUN"] + closed["PROPN"] == 0


def test_all_forms_of_a_word_have_one_stem():
    for base in (*lexicon.ATTITUDES["film"][True], "carry", "stop", "drive", "write", "guard", "hope", "row", "free"):
        forms = lexicon.verb(base)
        assert len({stem(form) for form in (*forms[:4], lexicon.ing_form(forms.base))}) == 1, base


def test_the_second_domain_has_a_vocabulary_of_its_own():
    reviews = open_words("train", "reviews", "shared") | open_words("dev", "reviews", "shared")
    harbour = open_words("train", "harbour", "shared") | open_words("dev", "harbour", "shared")
    assert len(reviews & harbour) < 0.05 * len(harbour)
    pronouns = {"i", "we", "my", "our", "us", "me"}
    assert not any(pronouns & set(words_of(one)) for one in sentences("train", "harbour"))


def test_several_hundred_words_of_every_open_class():
    stems: dict[str, set[str]] = defaultdict(set)
    for part in PARTS:
        for pair in sentences("train", part):
            for one in (pair, pair.partner):
                if one:
                    for word, tag in zip(one.words, one.upos, strict=True):
                        stems[tag].add(stem(word))
    assert len(stems["NOUN"]) > 500
    assert len(stems["VERB"]) > 250
    assert len(stems["ADJ"]) > 250
    assert len(stems["ADV"]) > 80


# --- examples -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("split", SPLITS)
def test_facts_are_those_of_the_examples(part, split):
    ref = Suite(split=split, part=part)
    known, read = facts_of(ref), load_dataset(ref)
    assert known.n_sentences == len(read)
    assert known.word_labels == tuple(read.word_labels)
    assert known.sentence_labels == tuple(read.sentence_labels)


def test_pairs_number_heads_through_both_texts():
    read, made = load_dataset(Suite(part="entailment")), sentences("dev", "entailment")
    assert read.partners is not None
    assert read.heads is not None
    for at, sentence in enumerate(made):
        assert sentence.partner
        assert read.words[at] == sentence.words + sentence.partner.words
        assert read.partners[at] == " ".join(sentence.partner.words)
        n = len(sentence.words)
        assert read.heads[at][:n] == sentence.heads
        assert [head - n if head else 0 for head in read.heads[at][n:]] == list(sentence.partner.heads)
        assert all(len(labels[at]) == len(read.words[at]) for labels in read.word_labels.values())


def test_single_sentences_have_no_partners():
    assert load_dataset(Suite(part="agreement")).partners is None
