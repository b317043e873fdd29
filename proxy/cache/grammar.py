"""The small words of a prompt, English and French: what each one is for.

Tables are lines of `concept: spelling spelling ...`. Spellings of one concept may stand for each
other; words of two concepts never.
"""

STOP_WORDS = """
a an the this that these those it its there one ones be been being doing have has having get
gets getting got any some also so very really just actually exactly basically currently please
kindly thanks thank hello hi hey ok okay dear would could can may might i me you we us they them
let lets let's able if as such ever own much many each per several le la les l un une des du
ce cet cette ces c ca ça cela ceci il elle ils elles je j me m nous vous tu te t se s y etre être
es suis sommes etes êtes as avons avez ont avoir fait faire fais donc alors aussi tres très
vraiment bien merci bonjour salut svp stp voudrais veux veut voulez aimerais souhaite souhaiterais
peux peut peuvent puis pouvez pourriez pourrais pourrait plait plaît besoin font fait quelque
quelques si whether comme soit afin lui leur moi toi
"""

# Asked for or politely put: before the question itself, these verbs ask for it and no more.
CARRIERS = """
tell give show say explain describe outline recount provide help share know wonder wondering
suggest énonce énoncez énoncer raconte racontez raconter dis dire dites donne donner donnez
montrer montre montrez expliquer explique expliquez decrire décrire décris decris décrivez fournis
fournir indique indiquer indiquez savoir sais aide aider aidez propose proposez proposer
"""

# At the head of a prompt they ask for what follows, as "give me" does.
ASKING = "write need want create"

EXPLAINS = "explain describe expliquer explique expliquez décrire décris decris décrivez"

# "Which artist painted" asks who.
PERSONS = "artist author writer painter scientist inventor composer actor singer"

# Said or unsaid, the question stays.
LIGHT_WORDS = """
people someone anyone anybody somebody easily possible possibly usually generally typically
normally commonly considered properly various certain personally gens personne quelqu facilement
possède possèdent posséder personnellement généralement habituellement thing things chose choses
explanation explanations explication explications
"""

# They say little: where one prompt has such a word more, it mostly asks the same.
WEAK = """
account amount area aspect available be case certain code come common complete concept current
different do event exact exist existing fact find general get give go happen have help idea item
kind know language lot made main make name need number object one option order own part particular
people person piece place point possible process program question real set side simple some
specific standard start state step term text thing time type typical use usual value various want
way whole style this new create event setting begin form overview script query function snippet
method become also word world good nice great explain tell share size count body understand
anything solar system mount health plot contain
"""
# They ask something else.
TURNING = "instead except unlike opposite avoid fail former ex fake else some off"
TURNING_FRENCH = "lieu place sauf contraire éviter échouer ancien ex féminin mauvais"
WEAK_FRENCH = """
actuel aller appeler avoir cas certain chose commun concept courant dire différent disponible
donner endroit être exact existant exister expliquer fait faire façon genre gens général habituel
idée langage lieu monde montant nom nombre objet option partie particulier passer personne point
possible principal programme quantité question réel savoir simple sorte spécifique temps terme
texte trouver type utiliser valeur vouloir bon ordre état pays situer sujet mieux nouveau forme
style élément signifier inventer recette compter provoquer événement légal
"""

# "What is the (best) way to" asks how.
WAYS = """
way ways manner means method steps façon facon facons manière maniere manières moyen moyens méthode
methode étapes
"""

# After "which", these only say what kind of answer is expected.
KINDS_OF_ANSWER = """
city town country nation place person name kind type sort ville pays nom endroit lieu personne genre
"""

# Of these each is another answer: the city that had the Games is not the country.
KINDS_APART = "city town country nation person ville pays personne"

# "Chapter one" is a number.
COUNTED = """
chapter part level step episode season volume book act phase stage lesson question grade unit
section page round version type figure exercise option day week year number world war formula
"""

TIMES_ASKED = """
clock time hour heure
day day jour
month month mois
year year année annee
when date
"""

PREPOSITIONS = """
of: of de d du des
to: to into onto toward towards vers
at: at on upon sur
about: about regarding concerning concernant
in: in inside within during throughout dans en au aux à sous pendant durant
from: from depuis
for: for pour
with: with avec using via
by: by par
than: than
between: between entre
through: through across
"""

JOINERS = "and or & et ou vs versus ,"

NEGATORS = """
not no never without none nothing nobody nowhere neither nor cannot cant dont doesnt didnt isnt
arent wont wouldnt shouldnt couldnt hasnt havent wasnt werent
pas jamais sans aucun aucune rien ni nul nulle non
"""

NUMBERS = """
0: zero zéro
2: two deux
3: three trois
4: four quatre
5: five cinq
6: six
7: seven sept
8: eight huit
9: nine neuf
10: ten dix
11: eleven onze
12: twelve douze dozen douzaine
13: thirteen treize
14: fourteen quatorze
15: fifteen quinze
16: sixteen seize
17: seventeen
18: eighteen
19: nineteen
20: twenty vingt
30: thirty trente
40: forty quarante
50: fifty cinquante
60: sixty soixante
70: seventy septante
80: eighty
90: ninety nonante
100: hundred cent cents centaine
1000: thousand mille millier milliers
1000000: million millions
1000000000: billion billions milliard milliards
1/2: half moitié moitie demi demie
1/4: quarter quart
1st: first 1st premier première premiere 1er 1ère
2nd: 2nd deuxième deuxieme
3rd: third 3rd troisième troisieme tiers
4th: fourth 4th quatrième quatrieme
5th: fifth 5th cinquième cinquieme
x2: twice double
x3: thrice triple
"""

UNITS = """
km: km kilometer kilometers kilometre kilometres kilomètre kilomètres
mile: mile miles mi
metre: meter meters metre metres mètre mètres
cm: cm centimeter centimeters centimetre centimetres centimètre centimètres
mm: mm millimeter millimeters millimetre millimetres millimètre millimètres
foot: foot feet ft pied pieds
inch: inch inches pouce pouces
yard: yard yards
kg: kg kilo kilos kilogram kilograms kilogramme kilogrammes
gram: gram grams gramme grammes
mg: mg milligram milligrams milligramme milligrammes
pound: pound pounds lb lbs livre livres
ounce: ounce ounces oz once onces
tonne: ton tons tonne tonnes
litre: liter liters litre litres
ml: ml milliliter milliliters millilitre millilitres
gallon: gallon gallons
cup: cup cups tasse tasses
pint: pint pints pinte pintes
tablespoon: tablespoon tablespoons tbsp
teaspoon: teaspoon teaspoons tsp
hectare: hectare hectares ha
acre: acre acres
celsius: celsius centigrade °c
fahrenheit: fahrenheit °f
kelvin: kelvin
degree: degree degrees degré degrés °
second: second seconds sec secs seconde secondes
minute: minute minutes mins
hour: hour hours hr hrs heure heures
day: day days jour jours journée journées daily quotidien
week: week weeks semaine semaines weekly
month: month months mois monthly
year: year years yr yrs an ans année années yearly annual
decade: decade decades décennie décennies
century: century centuries siècle siècles
dollar: dollar dollars usd $ bucks
euro: euro euros eur €
sterling: gbp £ sterling
yen: yen yens jpy ¥
rupee: rupee rupees rs inr roupie roupies
yuan: yuan yuans rmb cny
bitcoin: bitcoin bitcoins btc
percent: percent percentage % pourcent pourcentage
kb: kb kilobyte kilobytes ko
mb: mb megabyte megabytes mo
gb: gb gigabyte gigabytes
tb: tb terabyte terabytes
bit: bit bits
byte: byte bytes octet octets
watt: watt watts
volt: volt volts
calorie: calorie calories kcal
joule: joule joules
serving: serving servings portion portions guests convives
"""

DATES = """
01: january jan janvier
02: february feb février fevrier
03: mars
04: april apr avril
05: mai
06: june jun juin
07: july jul juillet
08: august aug août aout
09: september sep septembre
10: october oct octobre
11: november nov novembre
12: december dec décembre decembre
mon: monday mondays lundi lundis
tue: tuesday tuesdays mardi mardis
wed: wednesday wednesdays mercredi mercredis
thu: thursday thursdays jeudi jeudis
fri: friday fridays vendredi vendredis
sat: saturday saturdays samedi samedis
sun: sunday sundays dimanche dimanches
today: today now nowadays aujourd'hui aujourd maintenant actuellement
yesterday: yesterday hier
tomorrow: tomorrow demain
morning: morning mornings matin matins matinée
noon: noon midday midi
afternoon: afternoon après-midi
evening: evening evenings soir soirs soirée
night: night nights nuit nuits
tonight: tonight
midnight: midnight minuit
spring: printemps
summer: summer
autumn: autumn automne
winter: winter hiver
weekend: weekend weekends week-end
"""

FORMATS = """
json: json
yaml: yaml yml
xml: xml
csv: csv
html: html
markdown: markdown
latex: latex
table: table tables tableau tableaux
bullet: bullet bullets bulleted puce puces
numbered: numbered numérotée numerotee
list: list lists listing liste listes lister
sentence: sentence sentences phrase phrases
word: word words mot mots
line: line lines ligne lignes
paragraph: paragraph paragraphs paragraphe paragraphes
page: page pages
step: step steps étape étapes etape etapes
short: short shorter brief briefly concise concisely succinct tldr court courte bref brève
short: brièvement brievement concis
long: long longer lengthy longue longs longues
detailed: detailed detail details thorough in-depth comprehensive détaillé détaillée detaille
detailed: détail détails
simple: simply simplement simple simpler layman laymen eli5 beginner beginners débutant debutant
simple: débutants
formal: formal formally formel formelle soutenu
informal: informal casual familier informel
poem: poem poems poème poèmes poeme
haiku: haiku haïku
essay: essay essays dissertation
letter: letter letters lettre lettres
email: email emails e-mail mail courriel courriels mél
story: story stories tale conte
song: song songs chanson chansons
lyrics: lyrics
tweet: tweet tweets
code: code snippet
regex: regex regexp
"""

QUESTIONS = """
what: what which whats quel quelle quels quelles quoi qu'est qu lequel laquelle whatever
how: how comment
why: why pourquoi reason reasons cause causes raison raisons
when: when quand
where: where où
who: who whom whos qui
whose: whose
quantity: combien
"""

# After what they speak of, these ask nothing.
RELATIVE = "which who whom whose where that qui que où dont"

PRONOUNS = """
my: my mine myself our ours mon ma mes notre nos
your: your yours yourself ton ta tes votre vos
his: he him his himself
her: she her hers herself
their: their theirs son sa ses leurs
"""

PRESENT = "is are am do does est sont suis a ont serait seraient"
PAST = "was were did had était étaient etait etaient fut furent avait avaient"
FUTURE = "will shall gonna sera seront aura auront va vont"
MODALS = "should ought must dois doit devrais devrait devez faut faudrait"

# Spelled alike in both languages; in the other one they are plain content.
ONLY_FRENCH = """
comment pour son ton sa mes tout chose dire aide fin pair par mars mai fort cent mille once livre
livres tasse tasses pied pieds pouce pouces an ans court courte cache masque ai ko mo ha l d c j m n
t s y lance main sens bout fond pays est avant y te compte sec nord sud avis dis jour bon moi a ont
plus bref puce pis fut genre mail dissertation
"""

ONLY_ENGLISH = (
    "foot feet ft on or four pain son an as mine comment once lent sort are me fin has main"
)

FRENCH_STOP = "on or mais car a ai me que chaque été"

ENGLISH_STOP = "a an as"

# In nearly every French prompt and in hardly any English one, and the reverse.
FRENCH_MARKS = """
le la les un une des du de et est en que qui quel quelle quels quelles comment pourquoi pour dans
ce cette il elle je tu nous vous au aux ne pas mon ma mes votre vos fais écris donne explique sur
avec par sont puis-je où quand combien sans peux dois faut peut traduis résume rédige cite corrige
t c'est cest son ses leur faire c'était fait-il étaient était donnez moi toi bonjour merci
convertis calcule si trouve résous
"""

ENGLISH_MARKS = """
the an of and to in is are do does how what which why when where who my your with for it this that
write give explain can should i from be was were did has have will you tell make list between it's
what's some best
"""

# Inflections, longest first where it matters.
FRENCH_ENDINGS = """
issant issons issez issent antes ants ante ant erait erai era erons eront aient ait ere eres ez er
ees ee es e ions ent ir is it a s x
"""

# Before an apostrophe: l'histoire, qu'est.
ELISIONS = "l d qu j n s t m c lorsqu puisqu jusqu"

# Units only right after a number.
SHORT_UNITS = "h s g l m k w v a am pm"

# How far, how old: a quantity.
MEASURED = "far tall old long big fast deep high heavy hot often wide large"

# Capitals that name nothing.
SHOUTED = "i a the and or ok please"

DO = "do does"

THIS = "this these cet cette ces ceci"

# Said to be polite, at the beginning, the end or behind a comma; elsewhere the matter itself.
POLITE = "thanks thank hello hi hey merci bonjour salut"

YOU = "you tu toi vous"

ME = "i me we us je j me moi nous"

# Somebody else, where no verb turns round before them: "si elle est", not "est-elle".
THEY = "il elle ils elles"

CAN = "can could may might would peut peuvent puis pourrais peux"
