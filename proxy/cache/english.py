"""English words that may stand for each other in a request, and forms that no rule makes.

Groups are parted by semicolons; a group's first word is its concept. Only basic forms are listed:
a word's stem is looked up as well. Left out on purpose: words that are only near (siblings, broader
and narrower terms), for a near word asks a different question.
"""

SYNONYMS = """
write draft compose; create make build generate produce construct develop; fix repair mend solve
resolve troubleshoot debug correct; choose select pick; get obtain acquire fetch retrieve; find
locate; begin start commence; stop quit cease halt; end finish conclude terminate; remove delete
erase eliminate; add append; increase raise boost; decrease reduce lower diminish lessen shrink;
improve enhance improvement; help assist aid; use utilize utilise usage; happen occur; speak talk;
buy purchase; check verify; change modify alter edit; combine merge; live reside dwell; run
execute; prevent avoid; calculate compute determine calculation computation; convert transform
conversion; translate translation; mean meaning definition define signify signification; summary
summarize summarise synopsis recap; compare comparison difference distinguish differ; need
require; cook prepare; visit travel trip journey; think opinion believe; work operate; invite
invitation; reply respond; forecast predict; hire recruit; rewrite rephrase reword paraphrase;
shorten condense; iterate loop; configure configuration; install installation;
enable activate; disable deactivate; accept acceptance; refuse decline reject refusal rejection;
allow permit; forbid ban prohibit; hide conceal; reveal unhide; connect link; book reserve; invest
investment; pay payment; thaw defrost; mix stir blend; meditate meditation; treat treatment; cure
heal; diagnose diagnosis; die death; birth born; weight weigh; singer vocalist;
invent invention; discover discovery; memorize memorise; practice
practise; apologize apologise apology; introduce introduction; describe description; analyze
analyse analysis; organize organise; recognize recognise; realize realise; optimize optimise
optimization optimisation; minimize minimise; maximize maximise; visualize visualise; customize
customise; copy duplicate; deploy deployment; validate validation; encode encoding; decode
decoding; encrypt encryption; decrypt decryption; replace substitute swap substitution
replacement; declare declaration; initialize initialise; inherit inheritance; implement
implementation; movie film; picture photo image photograph; cellphone mobile; car
automobile; child kid; company firm corporation business enterprise; country nation; tip advice
suggestion recommendation recommend suggest; problem issue trouble; folder directory; doctor
physician; house home; website site; laptop notebook; password
passcode; holiday vacation; exam examination; job employment position
occupation profession; mother mom mum mommy mummy; father dad daddy; grandmother grandma granny;
grandfather grandpa; baby infant; man guy; woman lady; friend buddy pal; coworker colleague;
student pupil; lawyer attorney; police cop; apartment flat; sofa couch; truck lorry; petrol
gasoline; garbage trash rubbish; faucet tap; eggplant aubergine; zucchini courgette; cilantro
coriander; chickpea garbanzo; subway metro underground; airplane plane aeroplane; bike bicycle;
motorbike motorcycle; television tv telly; fridge refrigerator; resume cv; advertisement advert;
information info; laboratory lab; gather collect; rock stone; money cash; pain ache;
exercise workout; beverage drink; competition contest; prize award; employee worker; industry
sector; teacher instructor; slow sluggish; sum total; remainder modulo; chance probability; chart
graph; hint clue; ask request; undo revert; hardly barely scarcely; luggage baggage; abroad
overseas; insect bug; bathroom restroom; emotion feeling; brave courageous; rude impolite; polite
courteous; honest truthful; rare uncommon; huge enormous gigantic massive;
enough sufficient; raw uncooked; immediately instantly; recently lately; sometimes occasionally;
rarely seldom; almost nearly; completely totally entirely fully; mainly mostly primarily; search
seek; submit; ensure; postpone; cope handle; return; register registration; pronounce
pronunciation; spell spelling; app application; clean wash; stage phase; note message; mathematics
math maths; salary wage; price cost; amount quantity; height tall; illness
sickness disease; medicine medication; advantage benefit pro upside; disadvantage drawback con
downside; effect consequence; goal aim objective; kind type; example instance; opposite antonym;
inhabitant population; mount mt; saint st; teenager teen; dinner supper; dictionary
dict; integer int; boolean bool; parameter param; variable var; repository repo; database db;
environment env; character char; documentation docs; authentication auth; customer client; purpose
role; neighbor neighbour; color colour; flavor flavour; favor favour; favorite favourite; behavior
behaviour; honor honour; labor labour; harbor harbour; humor humour; odor odour; rumor rumour;
center centre; theater theatre; fiber fibre; tire tyre; gray grey; jewelry jewellery; license
licence; defense defence; program programme; catalog catalogue; dialog dialogue; donut doughnut;
pajama pyjama; mold mould; aluminum aluminium; traveler traveller; hobby pastime; gift present;
schedule timetable; store shop; located location situated; earthquake quake; necktie tie; bunny
rabbit; big large; biggest largest greatest; bigger larger; small little; smallest littlest; fast
quick rapid quickly rapidly; faster quicker; fastest quickest; hard difficult tough; harder
tougher; hardest toughest; good great nice; best top; cheap inexpensive affordable; expensive
costly pricey; happy glad joyful; sad unhappy; afraid scared; smart intelligent clever; stupid
dumb; beautiful pretty gorgeous; famous renowned celebrated; important crucial significant
importance; main principal major; rich wealthy; dangerous risky hazardous unsafe;
legal lawful; illegal unlawful; whole entire; delicious tasty; funny humorous hilarious; scary
frightening; boring dull; strange weird; incorrect wrong; tired exhausted; ill sick; quiet silent;
loud noisy; thin slim skinny; fat overweight; broken damaged; leaky leak; tallest highest;
newest latest; maximum max; minimum min; often frequently; perhaps maybe; safe safely; similar
alike; different distinct; quarrel argument; richest wealthiest; richer wealthier;
smartest cleverest
"""

# What each form that is no rule's is a form of.
FORMS = """
begin began begun; bite bit bitten; blow blew blown; break broke; bring brought; build built; burn
burnt; buy bought; catch caught; choose chose chosen; come came; deal dealt; dig dug; do done;
draw drew drawn; dream dreamt; drink drank drunk; drive drove driven; eat ate eaten; fall fell
fallen; feed fed; feel felt; fight fought; find found; fly flew flown; forget forgot forgotten;
freeze froze frozen; get got gotten; give gave given; go went gone; grow grew grown; hang hung;
hear heard; hide hid hidden; hold held; keep kept; know knew known; lay laid; lead led; learn
learnt; lend lent; lie lay lain; lose lost; make made; mean meant; meet met; pay paid; ride rode
ridden; ring rang rung; rise rose risen; run ran; say said; see saw seen; sell sold; send sent;
shake shook shaken; shine shone; shoot shot; show shown; shrink shrank shrunk; sing sang sung;
sink sank sunk; sit sat; sleep slept; slide slid; speak spoke spoken; spell spelt; spend spent;
spill spilt; spoil spoilt; stand stood; steal stole stolen; stick stuck; strike struck; swear
swore sworn; swim swam swum; take took taken; teach taught; tear tore torn; tell told; think
thought; throw threw thrown; understand understood; wake woke woken; wear wore worn; win won;
write wrote written; undo undid undone; rewrite rewrote rewritten; overcome overcame; become
became; forbid forbade forbidden; forgive forgave forgiven; die died dies dying; lie lied lying;
tie tied tying ties; dye dyed dyeing dyes; use used uses using; weigh weighed weighs; bus buses;
gas gases; focus focuses focused focusing; quiz quizzes; shoe shoes; toe toes; movie movies;
cookie cookies; calorie calories; pie pies; cache caches cached caching; ache aches; axe axes;
bacterium bacteria; cactus cacti; fungus fungi; mouse mice; goose geese; tooth teeth; foot feet;
wolf wolves; knife knives; leaf leaves; shelf shelves; ox oxen; crisis crises; thesis theses;
hypothesis hypotheses; criterion criteria; phenomenon phenomena; vertex vertices; matrix matrices;
index indices; appendix appendices; child children; man men; woman women; wife wives; life lives;
potato potatoes; tomato tomatoes; hero heroes; loaf loaves; calf calves; half halves
"""

# Nouns and states of their own, not forms of the words that they look like: a market has no
# marketing, and who is bored is not boring.
OWN = """
accounting; arms; banking; booking bookings; boxing; camping; clothing;
contents; customs; drawing drawings; earnings; engineering; fishing; funding; glasses; goods;
heading headings; housing; landing; marketing; meeting meetings; mining; news; nursing;
painting paintings; parking; programming; rating ratings; savings; setting settings; shipping;
trading; training; amazed; amused; annoyed; bored; confused; convinced; depressed; disappointed;
disgusted; embarrassed; excited; fascinated; frightened; frustrated; interested; irritated;
overwhelmed; pleased; relaxed; satisfied; shocked; surprised; terrified; thrilled; tired exhausted
"""

# Spelled in a hurry, or as many believe that it is spelled.
MISSPELLED = """
receive recieve; believe beleive; definition defintion definiton; separate seperate; tomorrow
tommorow tommorrow; weather wheather; difference diffrence differnce; different diffrent; language
langauge languge lanugage; government goverment; calculate calulate caculate; restaurant
restaraunt resturant; address adress; business buisness busines; calendar calender; necessary
neccessary necesary; environment enviroment; explain expalin explian; recommend reccomend
recomend; python pyhton phyton; javascript javascipt javasript; function funtion fucntion; capital
captial; population popluation; temperature temperture tempature; distance distence; because
becuase; which wich whcih; what waht wht whta; president presidant; symptom symtom; medicine
medecine; vegetable vegtable; chocolate choclate; mountain moutain; country contry; recipe recepie
receipe; exercise excercise; grammar grammer; schedule scedule; library libary; travel travle;
vacation vaction; email emial; summary sumary; summarize summerize; translate tranlate translte;
database databse; algorithm algorithim algoritm; variable varible; parameter paramter; experience
experiance; knowledge knowlege; information infomation; interest intrest; through thru; tonight
tonite; because cuz; people ppl; please pls plz; you u ya
"""
