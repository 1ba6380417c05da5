"""The words of the parts that are about people at work: questions, agreement and entailment.

Most of them are two words in one form, a noun and a verb or an adjective and a verb ("the guard", "they guard", "a dry
towel", "to dry a towel"), so that a word type seldom gives its class away. What people do is listed with what they can
do it to, because a grammar that combines freely has them iron the soup.
"""

from collections.abc import Mapping

from core.data.lexicon import words

BOTH = words("guard guide judge nurse coach host tutor escort scout mentor usher shepherd")
"""People by what they are, and what they do to people, in the same word."""
PEOPLE = words(
    """
    cook pilot model spy tailor butcher champion rebel recruit farmer teacher driver sailor painter gardener
    student neighbour lawyer engineer porter librarian florist carpenter plumber poet dancer mayor dentist
    singer baker builder clerk editor farmhand inspector jeweller mechanic officer referee scientist soldier
    surgeon trainer typist vet weaver monk knight prince twin expert rival
    """
)
PEOPLE_VERBS = words(
    """
    watch help trust like know visit follow phone film photograph sketch paint call thank blame fear love
    respect envy question pay
    """
)
"""What people do to people, besides."""

RESTING = words(
    """
    walk talk work rest sleep dance laugh smile cough shout travel swim smoke drink nap stroll wave yawn
    limp whistle march hike chat drive ride climb snore fish camp gamble row jog pray shop garden farm
    """
)
"""What people do without an object; nouns as well, nearly all of them: "after a walk"."""

PAUSES = words("walk talk rest nap stroll march hike chat drive ride climb dance swim drink race")
"""Events that come before and after others."""

WORK: Mapping[str, tuple[str, ...]] = {
    line.split(":")[0].strip(): tuple(line.split(":")[1].split())
    for line in """
    paint: fence gate bridge boat shed bench sign door
    record: song speech call show talk play
    film: bridge parade boat church garden dance show
    photograph: bridge parade boat church garden castle plant
    sketch: bridge boat church garden castle tree lamp
    lock: gate shed box cabin shop door drawer
    light: lamp candle fire stove torch
    plant: tree rose bean bulb hedge
    water: plant garden rose tree hedge
    park: truck van bus car tractor
    ship: book plate lamp bottle crate parcel
    box: book plate lamp bottle cup record
    pack: bag box case crate parcel
    store: book bottle crate record coat
    stamp: letter form ticket parcel card
    label: box bottle plant parcel jar
    book: flight ticket cabin table court
    guard: bridge gate vault castle camp
    watch: film parade match race play show
    check: map ticket lock brake watch label
    polish: boot mirror spoon button lamp drum
    repair: boat roof fence clock bike drum lamp
    mend: coat roof fence net dress shoe
    clean: lamp boot stove cage brush window
    dry: plate dress towel coat cup
    warm: plate room towel cabin
    empty: box bottle bucket drawer bin
    open: box letter shop gate bottle drawer
    close: gate shop box window drawer
    carry: ladder box drum basket lamp crate
    buy: boat coat lamp drum ring bike
    sell: boat coat lamp drum ring bike
    test: brake engine lamp motor rope
    map: forest cave island river coast
    study: map poem plant insect chart
    iron: dress shirt coat suit
    feed: horse dog cat hen goat
    brush: horse dog coat dress cat
    ride: horse bike tractor camel
    load: truck van boat cart
    farm: field plot valley
    fence: garden field plot
    bridge: river stream canal
    hammer: nail post peg
    dock: boat ferry
    sail: boat raft ferry
    sign: letter form card book
    post: letter form card parcel
    cut: hedge rope branch tree
    build: bridge shed fence boat cage
    design: dress bridge poster ring garden
    order: drink coat book lamp stamp
    hide: letter ring map box record
    find: letter ring map key coin
    steal: ring coin watch boat record
    borrow: book ladder bike coat hammer
    return: book ladder bike coat hammer
    """.strip().splitlines()
}
"""What people do, and to which things."""

_STATES = """
boat truck van bus car bike tractor: clean new slow fast old expensive cheap dirty
coat dress suit shirt towel: clean dry new old warm cheap expensive dirty wet
shop gate window drawer shed cabin: open old new dirty locked
lamp candle torch stove: light new cheap old heavy expensive hot
box bottle bucket crate basket jar: empty heavy light full old dirty clean
plate cup spoon: clean dry hot cold dirty cheap
letter form ticket parcel card map: secret old lost new short long
fence hedge ladder bridge bench: long short narrow old new wet dry strong weak
"""
THINGS: Mapping[str, tuple[str, ...]] = {
    noun: tuple(states.split())
    for nouns, _, states in (line.partition(":") for line in _STATES.strip().splitlines())
    for noun in nouns.split()
}
"""How things can be, by thing."""

MOODS = words(
    """
    calm quiet tired patient hungry busy happy ready late early sick free proud nervous angry careful
    thirsty awake asleep sad bored pleased alone afraid safe lucky famous polite honest rich poor
    """
)
"""How people can be."""
TRAITS = words(
    """
    young old tall short French German Polish local quiet calm clever patient famous rich poor careful
    polite shy blind strong lazy honest kind busy brave proud nervous foreign former retired
    """
)
"""Adjectives before a person."""
LOOKS = words("old new small large red green blue white black")
"""Adjectives before a thing."""

NEAR = words("near behind beside opposite by by")
SPOTS = words(
    """
    gate bridge bridge park park bank shop shop market church castle dock dock bench fence fence lamp garden
    garden camp camp farm farm court field fountain shed cabin tower square theatre
    """
)
"""Places, or things that mark them."""
ASIDE = words(
    """
    drum lamp map brush hammer watch dog horse bag coat boot drink letter box ring ladder camera bike
    """
)
"""What people have with them."""

DAYS = words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
HOURS = words("dawn noon night sunrise sunset midnight")
MONTHS = words("January February April June August September November December")
PACES = words("slowly quickly carefully quietly fast badly proudly calmly secretly gladly")
FREQUENCIES = words("often usually still now always sometimes rarely seldom normally mostly")
WHITHER = words("home outside inside upstairs downstairs abroad together alone daily early late")

TAXONOMY: Mapping[str, tuple[str, tuple[str, ...]]] = {
    line.split()[0]: (line.split()[1], tuple(line.split()[2:]))
    for line in """
    dog animal poodle terrier spaniel
    bird animal duck robin swan
    horse animal pony stallion foal
    insect animal bee beetle moth
    boat vehicle canoe yacht raft
    car vehicle taxi limousine convertible
    truck vehicle tanker van lorry
    flower plant rose tulip lily
    tree plant oak pine birch
    drum instrument tambourine bongo snare
    guitar instrument banjo ukulele lute
    coat garment parka raincoat anorak
    dress garment gown sari kimono
    hammer tool mallet sledgehammer gavel
    saw tool hacksaw chainsaw jigsaw
    cake snack brownie sponge cupcake
    ring jewel diamond signet band
    """.strip().splitlines()
}
"""A thing's own word: the wider word, and narrower ones."""
TAXONOMY_WORK: Mapping[str, tuple[str, ...]] = {
    "dog": ("wash", "feed", "brush", "photograph", "sketch", "buy", "walk", "train"),
    "bird": ("watch", "feed", "photograph", "sketch", "cage", "free"),
    "horse": ("ride", "feed", "brush", "wash", "photograph", "train", "saddle"),
    "insect": ("watch", "photograph", "sketch", "study", "trap", "catch"),
    "boat": ("paint", "clean", "load", "repair", "buy", "dock", "sail"),
    "car": ("park", "clean", "repair", "buy", "photograph", "test"),
    "truck": ("park", "clean", "repair", "load", "drive", "empty"),
    "flower": ("plant", "water", "photograph", "sketch", "cut", "buy"),
    "tree": ("plant", "water", "photograph", "sketch", "cut", "climb"),
    "drum": ("play", "buy", "repair", "polish", "carry", "borrow"),
    "guitar": ("play", "buy", "repair", "polish", "carry", "borrow"),
    "coat": ("buy", "brush", "iron", "mend", "design", "dry"),
    "dress": ("buy", "brush", "iron", "mend", "design", "dry"),
    "hammer": ("borrow", "buy", "hide", "return", "clean"),
    "saw": ("borrow", "buy", "hide", "return", "clean"),
    "cake": ("bake", "order", "buy", "box", "share"),
    "ring": ("buy", "hide", "steal", "polish", "design"),
}

OPPOSITES = tuple(
    tuple(pair.split("/"))
    for pair in [
        "open/closed",
        "full/empty",
        "clean/dirty",
        "wet/dry",
        "awake/asleep",
        "alive/dead",
        "present/absent",
        "safe/dangerous",
        "cheap/expensive",
        "early/late",
        "strong/weak",
        "long/short",
        "heavy/light",
        "warm/cold",
        "calm/nervous",
        "public/private",
    ]
)
OPPOSED: Mapping[str, str] = {
    "open/closed": "shop gate window drawer market museum bank bridge theatre",
    "full/empty": "box bottle bucket crate basket drawer bus train theatre",
    "clean/dirty": "boat car coat dress plate window lamp boot kitchen",
    "wet/dry": "coat towel bench field dress roof path floor",
    "awake/asleep": "guard cook pilot nurse sailor dog horse baker twin",
    "alive/dead": "tree plant bird horse fish hedge",
    "cheap/expensive": "coat ring car flight ticket watch lamp boat",
    "early/late": "train bus ferry flight",
    "strong/weak": "bridge rope fence ladder horse net signal",
    "long/short": "letter film talk speech walk march play hike",
    "heavy/light": "box drum crate ladder hammer bag coat",
    "warm/cold": "room cabin stove plate drink cake",
    "calm/nervous": "pilot judge coach horse dancer poet student",
    "present/absent": "judge mayor teacher coach student lawyer",
    "safe/dangerous": "bridge road ladder path river stove",
    "public/private": "garden road beach park library",
}
"""Two states that exclude each other and of which one holds, with what can be in them."""

OTHER_MOODS = words("tired hungry young old tall thirsty sad bored clever polite proud")
OTHER_STATES = words("full empty crowded ready red green")
"""What people and travellers can be besides: neither follows from the opposites above nor excludes them."""

MOVING = words("walk march stroll hike drive ride race row jog limp dance climb travel")
"""What takes people somewhere."""
PASSING = words("by by by past behind along around outside")
"""Where to: prepositions that stand alone here, as adverbs."""
WISHING = words("want plan hope like love refuse need try hate forget offer agree")
"""What leads to an infinitive."""
ANIMALS = words("horse dog bird fish insect")
OTHER_LOOKS = words("old young large small white black brown")
"""What animals can be besides."""
