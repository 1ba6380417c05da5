"""The words of the built-in suite, and which of them go together.

A grammar that combines words freely writes "the soup was well-edited". So every noun belongs to a *kind* (dish, room,
film, drummer), kinds belong to a domain, and each word of opinion lists the kinds it suits: a room is cramped, a novel
is gripping, a waiter is rude. The tables are lines of text because collocations are read and corrected by people.

Notation of the tables: `word: kind kind GROUP` says what a word goes with. In noun lists `+` joins a compound
("crime+novel"), `~` marks a mass noun, `=` a noun that is used in the singular only, `:she` fixes the pronoun.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Noun(NamedTuple):
    """A countable or mass noun, perhaps with a noun before it."""

    singular: str
    plural: str
    """Empty when the noun has none here."""
    compound: str
    mass: bool
    pronoun: str
    """Fixed pronoun for the singular ("she"), or empty."""


class Kind(NamedTuple):
    """Nouns that the same words can be said of."""

    name: str
    domain: str
    nouns: tuple[Noun, ...]
    modifiers: tuple[str, ...]
    """Neutral adjectives."""
    places: tuple[str, ...]
    """Prepositional phrases that narrow the noun down."""
    relatives: tuple[str, ...]
    """What people do with it ("book online"); for persons what they do ("serve us")."""
    facts: "Words"
    """What it does or has, in words without polarity: advantages ("have a pool") and drawbacks ("cost a lot")."""
    person: bool
    owned: bool
    """Whether "my" and "our" sound right."""
    passing: bool
    """An event that is over when one speaks of it, hence no present tense."""


class Verb(NamedTuple):
    """The four forms of a verb and the preposition it takes, if any."""

    base: str
    third: str
    past: str
    participle: str
    preposition: str


Words = Mapping[bool, tuple[str, ...]]
"""Words of opinion by polarity: True for the favourable ones."""


def words(text: str) -> tuple[str, ...]:
    """The words of a line or more of text."""
    return tuple(text.split())


# --- inflection -----------------------------------------------------------------------------------------------------

_IRREGULAR = {
    entry.split()[0]: entry.split()[1:]
    for entry in """
    steal stole stolen; abandon abandoned abandoned; net netted netted; man manned manned; jam jammed jammed;
    snap snapped snapped; rot rotted rotted; spill spilt spilt; bite bit bitten; ebb ebbed ebbed; tar tarred
    tarred; scrub scrubbed scrubbed; log logged logged; ram rammed rammed; panic panicked panicked; shift
    shifted shifted; rig rigged rigged; signal signalled signalled; drink drank drunk; hide hid hidden; sell
    sold sold; build built built; cut cut cut; ride rode ridden; swim swam swum; feed fed fed; find found found;
    map mapped mapped; shop shopped shopped; nap napped napped; fence fenced fenced; pay paid paid; catch caught
    caught; trap trapped trapped; ship shipped shipped; row rowed rowed; rise rose risen; sink sank sunk; run
    ran run; lose lost lost; hold held held; hit hit hit; break broke broken; blow blew blown; set set set; keep
    kept kept; send sent sent; fall fell fallen; slip slipped slipped; bake baked baked; chat chatted chatted;
    jog jogged jogged; rip ripped ripped; swing swung swung; fly flew flown; give gave given; grow grew grown;
    stick stuck stuck; lead led led; shut shut shut; put put put; get got got; wake woke woken; tow towed towed;
    strike struck struck; spin spun spun; flood flooded flooded; say said said; pay paid paid; overturn
    overturned overturned; begin began begun; bring brought brought; buy bought bought; choose chose chosen;
    come came come; cost cost cost; do did done; drive drove driven; drop dropped dropped; eat ate eaten; feel
    felt felt; find found found; go went gone; have had had; hear heard heard; know knew known; leave left left;
    light lit lit; make made made; meet met met; plan planned planned; read read read; see saw seen; show showed
    shown; sing sang sung; sit sat sat; sleep slept slept; speak spoke spoken; stand stood stood; stop stopped
    stopped; take took taken; tell told told; think thought thought; wear wore worn; win won won; write wrote
    written
    """.strip().split(";")
}


IRREGULAR_BASES = {form: base for base, forms in _IRREGULAR.items() for form in forms} | {"has": "have"}
"""Base of every irregular past form and participle."""


def s_form(word: str) -> str:
    """The word with the ending of the plural or of the third person."""
    if word.endswith(("s", "sh", "ch", "x", "z")) or word in ("go", "do"):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return "has" if word == "have" else word + "s"


_DOUBLING = frozenset(
    words(
        """
    map nap trap ship shop chat jog rip slip drop stop plan cut hit run swim begin sit set spin get put
    """
    )
)


def ing_form(word: str) -> str:
    """The participle or noun in "-ing"."""
    if word in _DOUBLING:
        return word + word[-1] + "ing"
    return (word[:-1] if word.endswith("e") and not word.endswith(("ee", "oe", "ye")) else word) + "ing"


def verb(entry: str) -> Verb:
    """All forms of a verb given by its base, or by base and preposition as in "complain+about"."""
    base, _, preposition = entry.partition("+")
    if base in _IRREGULAR:
        past, participle = _IRREGULAR[base]
    elif base.endswith("y") and base[-2] not in "aeiou":
        past = participle = base[:-1] + "ied"
    else:
        past = participle = base + ("d" if base.endswith("e") else "ed")
    return Verb(base, s_form(base), past, participle, preposition)


def _noun(entry: str) -> Noun:
    entry, _, pronoun = entry.partition(":")
    compound, _, head = entry.rpartition("+")
    word = head.rstrip("~=")
    countable = word == head
    return Noun(word, s_form(word) if countable else "", compound, head.endswith("~"), pronoun)


# --- kinds of things and people -------------------------------------------------------------------------------------


def _kind(
    name: str,
    domain: str,
    nouns: str,
    *,
    modifiers: str = "",
    places: str = "",
    relatives: str = "",
    advantages: str = "",
    drawbacks: str = "",
    flags: str = "",
) -> Kind:
    unknown = set(flags.split()) - {"person", "owned", "passing"}
    if unknown:
        raise ValueError(f"Kind {name}: unknown flags {unknown}.")
    return Kind(
        name,
        domain,
        tuple(_noun(entry) for entry in nouns.split()),
        tuple(modifiers.split()),
        _phrases(places),
        _phrases(relatives),
        {True: _phrases(advantages), False: _phrases(drawbacks)},
        "person" in flags,
        "owned" in flags,
        "passing" in flags,
    )


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(";") if part.strip())


_KINDS = (
    _kind(
        "dish", "food",
        "soup curry stew pasta~ risotto omelette steak pizza fish+soup vegetable+curry mushroom+risotto tomato+sauce",
        modifiers="vegetarian Italian traditional light",
        places="on the menu; at the market; in the canteen",
        relatives="order; order for lunch; share; try on Friday; eat at the harbour",
        advantages="come with bread; come with a salad; arrive quickly",
        drawbacks="cost a lot; cool quickly; arrive late",
        flags="owned",
    ),
    _kind(
        "bake", "food",
        "cake pie bread~ tart pastry biscuit pancake sandwich apple+pie chocolate+cake lemon+tart cheese+sandwich",
        modifiers="French homemade second first small",
        places="at the market; in the window; from the corner+shop",
        relatives="buy; order for the party; share; try on Sunday; take to the park",
        advantages="come with cream; contain butter; contain nuts",
        drawbacks="cost a lot; cool slowly; crumble quickly",
    ),
    _kind(
        "meal", "food",
        "breakfast lunch dinner meal buffet picnic wedding+lunch",
        modifiers="light early late vegetarian",
        places="in the garden; by the river; on the boat; after the show",
        relatives="share; have on Sunday; order by phone",
        advantages="include dessert; include coffee; come with wine",
        drawbacks="cost a lot; start late; take three hours",
        flags="owned passing",
    ),
    _kind(
        "diner", "food",
        "restaurant café bistro pub canteen fish+restaurant pizza+place",
        modifiers="new old little Italian Greek local",
        places="near the station; by the river; in the old town; on the corner; behind the theatre",
        relatives="find online; visit last month; choose for the party; visit after the show",
        advantages="accept cards; have a terrace; light candles; take bookings; serve wine; have a garden",
        drawbacks="show football; close early; stand near the road",
    ),
    _kind(
        "server", "food",
        "waiter:he waitress:she manager owner barista",
        modifiers="young new tall old",
        places="at the bar; by the door; behind the counter",
        relatives="serve us; bring the menu; take our order; open the door; light the candles",
        advantages="speak French; know the menu; know our names",
        drawbacks="talk a lot; arrive late; work alone",
        flags="person owned",
    ),
    _kind(
        "chef", "food",
        "chef cook head+chef",
        modifiers="young new French local",
        places="from Lyon; in the open kitchen; at the market",
        relatives="cook our lunch; plan the menu; bake the bread; taste the sauce",
        advantages="speak English; know our names; explain the menu",
        drawbacks="talk a lot; work alone; arrive late",
        flags="person",
    ),
    _kind(
        "film", "film",
        "film movie comedy thriller documentary drama sequel cartoon horror+film war+film crime+drama",
        modifiers="new latest old French long short second",
        places="about the war; by a young director; about two brothers; about a robbery; from Iceland",
        relatives="watch last night; see on Friday; choose; watch at school; discuss in class",
        advantages="last long; follow the book; win a prize; show the city; have a large cast",
        drawbacks="need subtitles; last three hours; start slowly",
    ),
    _kind(
        "scene", "film",
        "plot= ending= script= dialogue= opening= soundtrack= love+scene fight+scene",
        places="of the film; of the second part; of the series",
    ),
    _kind(
        "player", "film",
        "actor actress:she director comedian lead+actor",
        modifiers="young French old tall",
        places="in the main role; from Dublin; in the first scene",
        relatives="play the detective; play the father; write the script; visit our school",
        advantages="speak French; sing in English; know the play",
        drawbacks="arrive late; speak quietly; talk a lot",
        flags="person",
    ),
    _kind(
        "lodging", "hotel",
        "hotel hostel inn guesthouse resort apartment cottage campsite villa beach+resort youth+hostel",
        modifiers="old little new modern second",
        places="near the station; by the lake; in the old town; at the harbour; on the hill",
        relatives="book online; book for three nights; choose; find last summer; share with friends",
        advantages="have a pool; offer breakfast; have a lift; stand near the beach; accept cards; have a garden",
        drawbacks="cost a lot; stand near the road; close early",
        flags="owned",
    ),
    _kind(
        "room", "hotel",
        "room suite bedroom bathroom lobby kitchen hotel+room breakfast+room",
        modifiers="second first large new",
        places="on the third floor; with the blue door; under the roof; behind the lobby",
        relatives="book; share; see first/ADV; use for a week",
        advantages="have a balcony; face the sea; have a large window; have a view",
        drawbacks="cost a lot; face the road; have small windows",
    ),
    _kind(
        "host", "hotel",
        "receptionist porter manager owner landlady:she cleaner caretaker",
        modifiers="young new tall old",
        places="at the front desk; in the lobby; at the entrance",
        relatives="carry our bags; answer the phone; clean our room; meet us at the door; bring our keys",
        advantages="speak German; know our names; carry our bags",
        drawbacks="talk a lot; work alone; arrive late",
        flags="person",
    ),
    _kind(
        "book", "book",
        "book novel biography memoir textbook anthology crime+novel detective+story",
        modifiers="new latest first second long short historical",
        places="by a young author; from the library; with the red cover; in two volumes",
        relatives="read last summer; borrow from the library; buy in Dublin; choose for our class; discuss on Monday",
        advantages="have pictures; contain maps; mention the war; cover every period",
        drawbacks="cost a lot; have small print; use long/ADJ sentences",
    ),
    _kind(
        "chapter", "book",
        "chapter plot= ending= introduction= prologue= dialogue= preface=",
        places="of the novel; of the second volume; of her book",
    ),
    _kind(
        "writer", "book",
        "author novelist poet writer translator biographer",
        modifiers="young Irish old local",
        places="from Oslo; of the memoir; of the series",
        relatives="write the preface; visit our school; live in our street; sign our copies",
        advantages="answer letters; plan a sequel; know the country",
        drawbacks="use long/ADJ sentences; talk a lot; arrive late",
        flags="person",
    ),
    _kind(
        "device", "device",
        "phone laptop camera tablet printer speaker headset watch projector router coffee+machine vacuum+cleaner",
        modifiers="new second old small black Japanese",
        places="with the red light; from the corner+shop; in the office",
        relatives="buy last year; order online; use at work; borrow from Anna; test in March",
        advantages="come with a case; record sound; show the time; come with a manual",
        drawbacks="cost a lot; need a cable; weigh a lot; need three batteries",
        flags="owned",
    ),
    _kind(
        "component", "device",
        "screen battery lens keyboard case charger microphone cable",
        modifiers="new second black",
        places="of the new model; of the old model; from the same shop",
    ),
    _kind(
        "trip", "trip",
        "trip tour cruise journey holiday excursion expedition train+journey boat+trip bus+tour day+trip",
        modifiers="long short second annual first",
        places="along the coast; to the islands; with my parents; in July; to the mountains",
        relatives="book online; take in July; plan for months; choose; book last winter",
        advantages="last long; include lunch; follow the coast; pass the castle",
        drawbacks="cost a lot; start late; begin at dawn",
        flags="owned passing",
    ),
    _kind(
        "guide", "trip",
        "guide driver captain instructor tour+guide bus+driver",
        modifiers="young new old local",
        places="from Cairo; at the harbour; in uniform",
        relatives="meet us at the airport; carry the map; take us to the harbour; plan the route",
        advantages="speak Spanish; carry a map; know our names; play music",
        drawbacks="arrive late; talk a lot; work alone",
        flags="person owned",
    ),
    _kind(
        "concert", "concert",
        "concert gig recital festival show opera musical performance play jazz+concert rock+concert piano+recital",
        modifiers="annual free first second final",
        places="in the park; at the town+hall; by the river; in Vienna; on Sunday",
        relatives="attend last week; see in Prague; hear on the radio; book in May; record for the radio",
        advantages="last long; include an interval; take place outdoors",
        drawbacks="cost a lot; start late; last three hours",
        flags="passing",
    ),
    _kind(
        "song", "concert",
        "song encore melody anthem ballad folk+song love+song",
        modifiers="new old long second final",
        places="at the end; in the middle; from the new album",
        relatives="hear on the radio; record at home; play at the wedding; hear in Prague",
        advantages="last long; have a chorus; come with a film",
        drawbacks="start slowly; last an hour; need a piano",
    ),
    _kind(
        "musician", "concert",
        "pianist drummer violinist guitarist trumpeter cellist",
        modifiers="young new Polish local",
        places="from Lisbon; on the left; on the right; with the long/ADJ hair",
        relatives="open the festival; play the solo; join the band; record the album",
        advantages="speak between the songs; wear a costume; play an encore; know our names",
        drawbacks="arrive late; leave early; talk a lot",
        flags="person",
    ),
    _kind(
        "vocalist", "concert",
        "singer soprano:she tenor:he baritone:he",
        modifiers="young new Polish local",
        places="from Lisbon; on the left; on the right; with the long/ADJ hair",
        relatives="open the festival; sing the ballad; join the band; record the album",
        advantages="sing in English; dance on stage; wear a costume; sing an encore",
        drawbacks="arrive late; leave early; use two microphones",
        flags="person",
    ),
    _kind(
        "ensemble", "concert",
        "band orchestra quartet trio jazz+band string+quartet",
        modifiers="new local young Polish",
        places="from Lisbon; on the second stage; in the church",
        relatives="see in Prague; hear on the radio; invite last summer; book for the wedding",
        advantages="play an encore; have a singer; play old songs",
        drawbacks="use microphones; arrive late; start late",
    ),
)  # fmt: skip

KINDS: dict[str, Kind] = {kind.name: kind for kind in _KINDS}
DOMAINS: tuple[str, ...] = tuple(dict.fromkeys(kind.domain for kind in _KINDS))

_GROUPS = {
    "FOOD": "dish bake meal",
    "PLACE": "diner lodging",
    "STAFF": "server chef host guide",
    "WORK": "film book concert",
    "PIECE": "scene chapter song",
    "ARTIST": "player writer musician vocalist",
    "THING": "dish bake meal diner film scene lodging room book chapter device component trip concert song",
    "ANY": " ".join(KINDS),
}


def kinds(text: str) -> tuple[str, ...]:
    """Names of kinds, with groups written out."""
    names = [name for part in text.split() for name in _GROUPS.get(part, part).split()]
    if wrong := [name for name in names if name not in KINDS]:
        raise ValueError(f"Unknown kinds {wrong} in {text!r}.")
    return tuple(dict.fromkeys(names))


def _lines(table: str) -> list[tuple[str, str]]:
    pairs = [line.partition(":") for line in table.strip().splitlines()]
    return [(word.strip(), rest.strip()) for word, _, rest in pairs]


def _by_kind(favourable: str, unfavourable: str) -> dict[str, dict[bool, tuple[str, ...]]]:
    """Turn "word: kinds" round into words by kind and polarity; kinds that lack one polarity are left out."""
    found: dict[str, dict[bool, list[str]]] = {name: {True: [], False: []} for name in KINDS}
    for polarity, table in ((True, favourable), (False, unfavourable)):
        for word, names in _lines(table):
            for name in kinds(names):
                found[name][polarity].append(word)
    return {
        name: {polarity: tuple(words) for polarity, words in sides.items()}
        for name, sides in found.items()
        if all(sides.values())
    }


# --- words of opinion -----------------------------------------------------------------------------------------------

ADJECTIVES = _by_kind(
    """
    delicious: FOOD
    tasty: dish bake
    fresh: bake
    flavourful: dish
    satisfying: dish meal
    filling: dish meal
    authentic: dish diner
    aromatic: dish
    buttery: bake
    charismatic: player vocalist
    lively: ensemble concert diner
    perfect: FOOD lodging
    excellent: ANY
    superb: FOOD WORK PIECE ARTIST PLACE ensemble device component trip chef guide
    wonderful: FOOD WORK PIECE ARTIST PLACE STAFF ensemble device trip room
    brilliant: WORK PIECE ARTIST ensemble chef guide device
    lovely: PLACE STAFF room trip bake meal song
    charming: PLACE STAFF room film book player writer song
    cosy: PLACE room
    clean: PLACE room
    spotless: PLACE room
    quiet: PLACE room
    welcoming: PLACE
    peaceful: lodging
    comfortable: lodging room trip
    spacious: room lodging
    bright: room
    beautiful: song lodging room film
    friendly: STAFF
    polite: STAFF
    kind: STAFF
    helpful: STAFF
    cheerful: STAFF
    patient: STAFF
    attentive: server host
    professional: STAFF
    talented: ARTIST chef ensemble
    gifted: ARTIST
    convincing: player scene
    gripping: film book scene chapter
    moving: film book scene chapter song
    entertaining: WORK
    original: film book scene chapter
    memorable: WORK PIECE trip meal
    clever: film book scene chapter writer
    funny: film book writer player
    fascinating: film book chapter trip
    elegant: book chapter device lodging
    witty: writer book chapter scene
    readable: book
    reliable: device component
    sturdy: device component
    durable: device component
    handy: device
    practical: device
    useful: device book
    cool: device film
    impressive: device component concert ensemble musician vocalist
    pleasant: trip lodging meal room
    enjoyable: WORK trip meal
    delightful: WORK trip meal lodging
    relaxing: trip
    exciting: trip concert film
    thrilling: trip concert film
    unforgettable: trip concert
    spectacular: trip concert
    magical: concert song trip
    magnificent: concert ensemble lodging
    catchy: song
    haunting: song
    energetic: ensemble musician vocalist
    """,
    """
    bland: dish meal
    tasteless: dish bake meal
    greasy: dish bake meal
    stiff: player
    miscast: player
    sloppy: ensemble
    repetitive: song chapter
    salty: dish
    disgusting: dish
    stale: bake
    dry: bake
    soggy: bake
    inedible: dish bake
    awful: ANY
    terrible: ANY
    dreadful: FOOD PLACE STAFF WORK PIECE ARTIST ensemble room trip device
    horrible: FOOD PLACE room trip
    overpriced: FOOD PLACE
    mediocre: FOOD WORK PIECE ARTIST ensemble
    disappointing: FOOD PLACE WORK PIECE trip device component
    dirty: PLACE room
    filthy: PLACE room
    noisy: PLACE room
    shabby: PLACE room
    gloomy: PLACE room
    unwelcoming: PLACE
    uncomfortable: lodging room
    damp: lodging room
    cramped: room
    stuffy: room
    dusty: room
    smelly: room
    rude: STAFF
    unfriendly: STAFF
    careless: STAFF
    arrogant: STAFF ARTIST
    monotonous: vocalist
    unoriginal: writer musician vocalist ensemble
    impatient: STAFF
    lazy: STAFF
    unhelpful: STAFF
    grumpy: STAFF
    dull: WORK PIECE
    boring: WORK PIECE trip guide
    tedious: WORK PIECE trip
    predictable: film book scene chapter
    silly: film scene
    pointless: film book trip
    forgettable: WORK PIECE
    shallow: film book
    confusing: film book scene chapter
    clumsy: scene chapter server
    weak: scene chapter component
    implausible: film book scene
    pretentious: film book writer
    unreadable: book
    wooden: player
    unconvincing: player scene
    uninspired: ensemble musician vocalist song
    lifeless: concert ensemble
    monotonous: song
    tuneless: song
    chaotic: concert trip
    unreliable: device component
    flimsy: device component
    useless: device component
    faulty: device component
    slow: device
    impractical: device
    outdated: device
    exhausting: trip
    miserable: trip
    unpleasant: trip
    stressful: trip
    """,
)

EXTREME = frozenset(
    words(
        """
    perfect excellent superb wonderful brilliant spotless unforgettable spectacular magnificent delicious disgusting
    inedible awful terrible dreadful horrible filthy unreadable useless exhausting fascinating thrilling
    """
    )
)
"""Adjectives that take "absolutely" and not "very"."""

GENERAL = frozenset(
    words(
        """
    perfect excellent superb wonderful brilliant lovely awful terrible dreadful horrible mediocre disappointing
    inedible disgusting useless unreadable magnificent spectacular unforgettable
    """
    )
)
"""Adjectives that say too little to stand beside another."""

ALIKE = tuple(
    frozenset(line.split())
    for line in """
    clean spotless dirty filthy dusty
    quiet peaceful noisy
    comfortable uncomfortable relaxing
    spacious cramped
    bright gloomy
    charming cosy lovely beautiful elegant shabby gloomy
    welcoming unwelcoming
    fresh stale dry
    greasy soggy buttery
    tasty delicious flavourful aromatic bland tasteless inedible disgusting
    reliable unreliable faulty useless
    sturdy durable flimsy weak
    handy practical useful impractical useless
    cool elegant outdated
    polite friendly kind rude unfriendly arrogant charming
    helpful attentive unhelpful
    patient impatient
    professional careless lazy
    cheerful grumpy
    talented gifted
    convincing unconvincing wooden stiff implausible
    clever witty silly
    funny witty
    original predictable unoriginal
    gripping fascinating thrilling exciting entertaining dull boring tedious pointless
    memorable unforgettable forgettable
    moving magical haunting beautiful
    energetic lively lifeless uninspired
    catchy tuneless monotonous dull boring
    readable unreadable
    pleasant enjoyable delightful relaxing unpleasant miserable stressful exhausting
    spectacular magnificent impressive
    silly pointless shallow
    dull boring tedious monotonous lifeless uninspired
    damp stuffy smelly
    """.strip().splitlines()
)
"""Adjectives of one matter, alike or opposite; two of them together repeat or contradict each other."""

ATTITUDES = _by_kind(
    """
    praise: ANY
    love: ANY
    like: ANY
    enjoy: FOOD WORK PIECE trip
    admire: film book scene chapter ARTIST ensemble lodging device
    adore: film book bake dish song lodging ARTIST ensemble
    recommend: PLACE WORK device trip dish guide chef
    applaud: musician vocalist ensemble player concert song
    rave+about: WORK PLACE dish
    """,
    """
    hate: ANY
    dislike: ANY
    criticise: ANY
    mock: film scene player book chapter writer song
    despise: film book writer player host
    detest: dish film book song device lodging
    curse: device
    complain+about: FOOD PLACE STAFF room device component trip concert
    """,
)
"""What people do about a thing; `+` joins the preposition."""

EVENTFUL = frozenset(words("praise applaud criticise mock complain"))
"""Attitudes that people show at a certain time, so that a date goes with them."""

LASTING = frozenset(words("love like hate dislike admire adore recommend enjoy despise detest"))
"""Attitudes that people hold, so that the present tense goes with them."""

PASSIVES = frozenset(words("praise love admire adore recommend applaud hate criticise mock despise dislike detest"))

EFFECTS = _by_kind(
    """
    impress: ANY
    delight: FOOD WORK PIECE ARTIST PLACE STAFF ensemble room trip device
    charm: STAFF ARTIST PLACE film book song ensemble
    please: FOOD PLACE STAFF concert trip device room
    thrill: WORK trip song musician vocalist ensemble
    amuse: film book scene player writer guide
    fascinate: film book chapter trip writer
    satisfy: meal dish device
    """,
    """
    annoy: STAFF device component film scene song
    bore: WORK PIECE trip guide writer
    disappoint: ANY
    irritate: STAFF device component scene writer
    offend: STAFF film book player writer
    frustrate: device component
    confuse: film book scene chapter device
    exhaust: trip
    disgust: dish room
    """,
)
"""What a thing does to people."""

OCCASIONS = kinds("dish meal STAFF concert song musician vocalist ensemble")
"""What has its effect at a certain time, so that a date goes with it."""

IMPACTS: Words = {True: ("save", "rescue", "improve"), False: ("ruin", "spoil", "wreck")}
"""What a part does to the whole."""

IMPACT_TARGETS = {
    "food": ("the meal", "our evening", "the whole dinner", "our lunch"),
    "film": ("the film", "the whole film", "the last hour", "the second half"),
    "hotel": ("our stay", "our weekend", "the whole week", "our honeymoon"),
    "book": ("the book", "the whole novel", "the last part"),
    "trip": ("our holiday", "the whole tour", "our visit", "the day"),
    "concert": ("the concert", "the whole evening", "the festival"),
}
IMPACT_SOURCES = kinds("server chef dish bake scene player room host chapter guide song musician vocalist ensemble")

VERDICTS = _by_kind(
    """
    masterpiece: film book
    triumph: WORK meal
    delight: FOOD WORK PLACE trip song
    gem: film book PLACE song
    joy: WORK trip
    success: film concert trip meal
    treat: FOOD concert
    bargain: device lodging meal
    """,
    """
    disaster: film concert trip meal device
    failure: film concert device
    mess: film room
    nightmare: trip lodging
    disappointment: FOOD WORK PLACE trip device song
    disgrace: PLACE
    flop: film concert
    bore: WORK
    """,
)
"""Nouns that say what something is: "The film was a triumph"."""

QUALITIES = _by_kind(
    """
    charm: PLACE film book song
    warmth: PLACE concert song chapter
    humour: film book writer scene
    wit: film book writer scene
    flavour: dish bake
    comfort: lodging room
    originality: film book scene chapter song
    talent: ARTIST
    energy: concert ensemble musician vocalist
    style: lodging device film writer ensemble
    elegance: lodging device book
    appeal: device
    """,
    """
    flaws: film book device component chapter scene song
    weaknesses: film book scene chapter player writer musician vocalist ensemble
    faults: device component
    errors: book chapter
    stains: room
    cracks: room lodging
    """,
)
"""What something has, lacks or is without; the unfavourable ones are plurals."""

EVENT_QUALITIES: Words = {True: ("joy", "excitement"), False: ("trouble", "delays", "problems", "accidents")}
"""What a trip or a concert ends without."""


class Simile(NamedTuple):
    """What something of some kinds seems like: "The room felt like a prison"."""

    verb: str
    image: str
    kinds: tuple[str, ...]
    favourable: bool


def _simile(line: str, favourable: bool) -> Simile:
    sense, image, names = (part.strip() for part in line.split(";"))
    return Simile(sense, image, kinds(names), favourable)


_SIMILES = {
    True: """
        feel; a palace; lodging room
        look; a palace; lodging
        feel; a dream; trip concert
        feel; a celebration; concert meal
        taste; heaven; dish bake
        feel; a feast; meal
        sound; an angel; vocalist
        look; a jewel; device
        feel; an adventure; trip film
        """,
    False: """
        feel; a prison; lodging room
        look; a ruin; lodging
        feel; a nightmare; trip concert
        feel; a punishment; concert meal trip
        taste; cardboard; dish bake
        sound; a crow; vocalist
        look; a toy; device
        feel; a lecture; film
        """,
}
SIMILES = tuple(_simile(line, side) for side, table in _SIMILES.items() for line in table.strip().splitlines())

MANNER_VERBS = {
    name: tuple(word for word, names in _lines(
        """
        play: musician ensemble
        perform: musician vocalist ensemble player
        act: player
        behave: STAFF
        cook: chef
        write: writer
        work: device component
        function: device component
        go: trip
        end: trip
        begin: trip
        open: film book concert
        finish: film book concert
        sing: vocalist
        """
    ) if name in kinds(names))
    for name in KINDS
}  # fmt: skip

_MANNERS = {
    True: """
        beautifully: play sing perform write open finish
        brilliantly: play sing perform act write cook open finish
        superbly: play sing perform act cook
        wonderfully: play sing perform act cook write
        politely: behave
        kindly: behave
        professionally: behave
        perfectly: work function end
        smoothly: work go begin
        flawlessly: work function play perform
        well: work go end begin open finish act play sing write cook behave perform
        convincingly: act
        elegantly: write
        pleasantly: end begin
        promisingly: begin open
        """,
    False: """
        badly: work go end begin open finish act play sing write cook behave perform
        terribly: play sing perform act cook
        poorly: work function play perform act write
        carelessly: cook write behave play
        clumsily: write act finish open
        rudely: behave
        arrogantly: behave
        impatiently: behave
        dreadfully: play sing perform act
        miserably: end begin
        """,
}
MANNERS: dict[str, Words] = {
    name: {
        polarity: tuple(word for word, verbs in _lines(table) if name in verbs.split())
        for polarity, table in _MANNERS.items()
    }
    for name in dict.fromkeys(name for names in MANNER_VERBS.values() for name in names)
}

_SENSES = """
taste: dish bake; delicious wonderful superb excellent fresh awful terrible horrible disgusting bland stale salty dry
smell: dish bake room; delicious wonderful lovely fresh awful terrible horrible disgusting damp
look: room PLACE device; clean spotless lovely charming cosy elegant sturdy dirty filthy shabby gloomy flimsy outdated
sound: song vocalist ensemble; beautiful lovely wonderful superb brilliant awful terrible dreadful dull monotonous
feel: lodging room device; comfortable cosy welcoming spacious sturdy cramped stuffy damp gloomy flimsy uncomfortable
seem: STAFF; friendly polite kind helpful cheerful patient rude unfriendly careless arrogant impatient lazy grumpy
seem: PLACE room; clean welcoming comfortable quiet noisy dirty gloomy shabby
seem: device component; reliable sturdy practical useful flimsy unreliable slow impractical
seem: film book scene chapter; clever original moving funny predictable silly confusing shallow pretentious
"""


def _sensewords(rest: str, name: str) -> dict[bool, tuple[str, ...]]:
    allowed = rest.partition(";")[2].split()
    return {side: tuple(word for word in words if word in allowed) for side, words in ADJECTIVES[name].items()}


SENSES: dict[str, tuple[tuple[str, Words], ...]] = {
    name: tuple(
        (word, _sensewords(rest, name))
        for word, rest in _lines(_SENSES)
        if name in kinds(rest.partition(";")[0]) and all(_sensewords(rest, name).values())
    )
    for name in KINDS
}
"""Verbs of the senses by kind, each with the adjectives it takes: "The soup tasted stale"."""

# --- people, places, times ------------------------------------------------------------------------------------------

AUDIENCES = {
    "food": "guest customer critic reviewer",
    "film": "critic viewer reviewer student",
    "hotel": "guest visitor tourist traveller",
    "book": "reader critic reviewer student",
    "device": "customer user buyer reviewer",
    "trip": "passenger tourist traveller visitor",
    "concert": "listener critic fan visitor",
}
AUDIENCE_PLACES = {
    "food": ("at the next table", "on the terrace", "at the market"),
    "film": ("in the front row", "at the festival", "from Paris"),
    "hotel": ("in the lobby", "from Madrid", "on the third floor"),
    "book": ("in our class", "from Dublin", "in the reading+group"),
    "device": ("in the office", "in the shop", "from Japan"),
    "trip": ("on the boat", "from Vienna", "on the bus"),
    "concert": ("in the front row", "at the festival", "from Prague"),
}
KIN = words(
    """
    sister:she brother:he mother:she father:he aunt:she uncle:he friend cousin neighbour boss teacher
    """
)
KIN_PLURAL = words("parents friends colleagues neighbours children cousins")
NAMES = words(
    """
    Anna:she Tom:he Maria:she Peter:he Laura:she David:he Sofia:she Omar:he Nina:she Paul:he Grace:she Ivan:he
    Lucy:she Hugo:he Clara:she Felix:he
    """
)
NUMBERS = ("two", "two", "three")
DATES = (
    "on Monday", "on Friday", "on Sunday", "in March", "in July", "in October", "last week", "last month",
    "last summer", "last winter", "yesterday", "in 2019", "in 2022",
)  # fmt: skip
VIEWPOINTS = ("honestly", "frankly", "overall", "in my opinion", "in our view", "well/INTJ")

OWN_FACTS: dict[str, Words] = {
    "food": {
        True: ("have a reservation", "book a table", "arrive early", "know the menu", "order wine"),
        False: ("arrive late", "come with children", "eat outside"),
    },
    "film": {
        True: ("know the director", "read the book", "watch the trailer", "cook dinner first/ADV"),
        False: ("arrive late", "sit near the back", "miss the start"),
    },
    "hotel": {
        True: ("have a car", "speak German", "book early", "know the owner", "arrive before noon"),
        False: ("arrive late", "travel with children", "bring a dog"),
    },
    "book": {
        True: ("know the author", "read the first volume", "study history", "visit the library"),
        False: ("read at night", "borrow it", "read it on the train"),
    },
    "device": {
        True: ("read the manual", "know the brand", "work in an office", "charge it"),
        False: ("work outdoors", "drop it twice", "use it outdoors"),
    },
    "trip": {
        True: ("bring a map", "know the route", "speak Italian", "hire a car", "plan it for months"),
        False: ("travel with children", "leave before dawn", "drive at night"),
    },
    "concert": {
        True: ("know the songs", "sit near the stage", "buy a programme", "book early"),
        False: ("arrive late", "sit near the back", "stand outside"),
    },
}
"""What people did or did not do; what helps first, what hinders second."""

PURPOSES = {
    "food": (
        ("book a table early", "try the new menu"),
        ("walk to the harbour", "eat outside"),
        ("order a cake", "light the candles"),
    ),
    "film": (
        ("buy the tickets online", "sit near the front"),
        ("leave work early", "see the trailer"),
        ("cook early", "watch the start"),
    ),
    "hotel": (
        ("drive to the coast", "sleep by the sea"),
        ("book two rooms", "invite two friends"),
        ("bring some food", "cook at night"),
    ),
    "book": (
        ("order a copy online", "read it on the train"),
        ("go to the library", "meet the author"),
        ("miss two meetings", "read at home"),
    ),
    "device": (
        ("visit the shop", "compare two models"),
        ("go to the fair", "test a new model"),
        ("take it to work", "show my friends"),
    ),
    "trip": (
        ("leave before dawn", "see the sunrise"),
        ("stop at the lake", "cool our feet"),
        ("take a camera", "show the photos at school"),
        ("pack two bags", "travel with the children"),
    ),
    "concert": (
        ("arrive early", "sit near the stage"),
        ("take the train to Vienna", "hear the singer"),
        ("book early", "bring the children"),
    ),
}
"""(what people did, what for)."""

OUTINGS = {
    "food": words("walk drive drink talk stroll chat"),
    "film": words("drive talk walk drink chat stroll"),
    "hotel": words("drive walk swim ride rest hike stroll"),
    "book": words("talk walk rest chat drink"),
    "device": words("call talk chat order"),
    "trip": words("drive ride walk climb swim rest hike"),
    "concert": words("drive dance drink talk walk stroll"),
}
"""What people do about the occasion; each is a noun as well."""
MOVING = frozenset(words("walk drive stroll swim ride hike dance climb stop"))
"""Those that take people somewhere."""
DESERTS: Words = {True: words("praise respect applause"), False: words("scorn blame mockery")}
"""What a thing or a person deserves."""

WHOLES = {
    "food": kinds("diner meal"), "film": kinds("film"), "hotel": kinds("lodging"), "book": kinds("book"),
    "device": kinds("device"), "trip": kinds("trip"), "concert": kinds("concert"),
}  # fmt: skip
PARTS = {
    "diner": kinds("dish bake server chef"), "meal": kinds("dish bake server"), "film": kinds("scene player"),
    "lodging": kinds("room host"), "book": kinds("chapter"), "device": kinds("component"), "trip": kinds("guide"),
    "concert": kinds("song musician vocalist ensemble"),
}  # fmt: skip
POSSESSIONS = {"diner": "chef", "film": "scene", "lodging": "room", "book": "chapter", "device": "component"}
"""Parts that may be called "its": the film and its ending."""

ENCOUNTERS = {
    "dish": ("eat", "order", "try"), "bake": ("eat", "buy", "try"), "meal": ("have", "share"),
    "diner": ("find", "choose", "eat+in"), "film": ("watch", "see"), "lodging": ("book", "find", "stay+in"),
    "room": ("sleep+in", "have"), "book": ("read", "borrow", "buy"), "device": ("buy", "order", "borrow"),
    "trip": ("have", "take"), "concert": ("attend", "see"), "song": ("hear",),
    "guide": ("have", "meet"), "host": ("meet",),
}  # fmt: skip
"""How people come across a thing."""

BROAD_PLACES = kinds("meal diner film lodging room book trip concert")
"""Kinds whose places go with "a" as well as with "the"."""

STEADY = kinds("STAFF PLACE")
"""What may have been so ever since, so that "has never been" goes with it."""

RANKS = frozenset(words("first second final annual early late latest"))
"""Modifiers of one thing at a time."""

NUMEROUS = frozenset(words("room suite bedroom bathroom chapter"))
"""Parts of which a whole has several: "its rooms", but "its lobby"."""

BELONGINGS = kinds("dish bake device")
"""What one calls by its maker's or owner's name: "Anna 's cake"."""

PRODUCERS = (
    ("diner", "serve", "dish"), ("diner", "serve", "bake"), ("chef", "make", "dish"), ("chef", "make", "bake"),
    ("writer", "write", "book"), ("ensemble", "perform", "song"), ("vocalist", "sing", "song"),
    ("lodging", "have", "room"),
)  # fmt: skip
"""(who, does, what) as a habit: "The café never serves stale bread"."""

# --- function words -------------------------------------------------------------------------------------------------

DETERMINERS = frozenset(words("the a an this that these those every no any some all both"))
POSSESSIVES = frozenset(words("my our his her their its"))
OBJECT_PRONOUNS = frozenset(words("us me it them everyone"))
ADPOSITIONS = frozenset(
    words(
        """
    in on at near by with from of for during after before about to through under behind between along like without
    """
    )
)
ADVERBS = frozenset(
    words(
        """
    early late online long outside quickly slowly quietly alone twice together outdoors honestly frankly overall
    """
    )
)
NUMERALS = frozenset((*NUMBERS, "2019", "2022", "eight"))
TIME_NOUNS = frozenset(words("week month summer winter year night yesterday"))

CLOSED = frozenset(
    words(
        """
    be am is are was were been being have has had do does did not never no so too very also only just there here then
    now when where why how how who what which that this these those and or but if as than like to n't 's
    many most several more less much few first second one two three four five six
    we i you he she it they us me them him everyone everybody nobody none nothing something anyone any some all both each
    every neither nor either my our his her their its your another other
    in on at near by with from of for during after before about through under behind between along without since
    until into over off up down out outside inside above below across around past against because although though while
    """
    )
)
"""Function words, light verbs and the adverbs that work like them: on both sides when the lexicon is split."""

GLIDES = frozenset(words("useful useless user uniform"))
"""Words that are written with a vowel first and spoken without, hence "a useful book"."""

NEGATORS = frozenset(
    words(
        """
    not never no nobody none neither nor nothing hardly without far fail fails failed lack lacks lacked doubt doubts
    doubted
    """
    )
)
"""Words that can negate. Whether they turn an opinion round is another matter: see SuiteSentence.negated."""


def _polarity() -> dict[tuple[str, str], bool]:
    """Polarity of every word of opinion in every form, by (form, UPOS tag)."""
    found: dict[tuple[str, str], bool] = {}
    for table, tag in ((ADJECTIVES, "ADJ"), (VERDICTS, "NOUN"), (QUALITIES, "NOUN"), (MANNERS, "ADV")):
        for sides in table.values():
            found |= {(word, tag): side for side, words in sides.items() for word in words}
    for sides in (*ATTITUDES.values(), *EFFECTS.values(), IMPACTS):
        for side, words in sides.items():
            found |= {(form, "VERB"): side for word in words for form in verb(word)[:4]}
    found |= {(word, "NOUN"): side for side, words in EVENT_QUALITIES.items() for word in words}
    found |= {(word, "NOUN"): side for side, words in DESERTS.items() for word in words}
    for sides in EFFECTS.values():
        found |= {(verb(word).participle, "ADJ"): side for side, words in sides.items() for word in words}
        found |= {(ing_form(word), "VERB"): side for side, words in sides.items() for word in words}
    found |= {(simile.image.split()[-1], "NOUN"): simile.favourable for simile in SIMILES}
    return found


POLARITY: dict[tuple[str, str], bool] = _polarity()
