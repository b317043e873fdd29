"""Prompts written one by one for the build: longer, odder and less regular than the patterns."""
# ruff: noqa: E501

from __future__ import annotations

SEEDS: dict[str, dict[str, str]] = {
    "en": {
        "code": """
My Vue store loses its state after a page refresh even though I call the persist plugin in main.js. What am I missing?
Show me how to stream a large file from S3 through FastAPI without loading it into memory.
I want a Discord bot that posts a reminder every Friday at 9. Use discord.py and keep it in one file.
Use CMake to link a static library in a subfolder; my current CMakeLists.txt gives undefined reference errors.
Given a pandas dataframe with columns user, ts and amount, compute a rolling 7 day sum per user.
How would one go about making an interactive map of sensors with leaflet and a postgis backend?
What's the cleanest way to inject a repository into a NestJS service for testing?
Make me a chrome extension that hides youtube shorts.
OpenGL: my shader compiles but the screen stays black, what are the usual suspects?
I have an ESP32 with a DHT22, send me the sketch that publishes over MQTT every minute.
ffmpeg command to cut the first ten seconds and reencode to h265
Turn the following Express route into a lambda handler and keep the validation middleware.
What does the borrow checker want from me here? cannot borrow `self` as mutable more than once at a time
Generate a Swagger definition for a bookstore with three resources.
Design a scalable chat backend: what services, which protocols, how do you shard the messages table?
Write an Ansible role that hardens ssh and rotates keys.
my unit tests pass locally but fail in CI with a timezone difference, python 3.11
We use Airflow 2 with the Celery executor and tasks get stuck in queued. How can I find out why?
Using only numpy, implement backpropagation for a two layer perceptron.
Explain what happens in memory when I call malloc twice and free the same pointer.
Could you produce a Latex template with two columns and a title page?
powershell: list all users in the AD group Finance and export them
Need a Google Apps Script that copies rows flagged "done" to another tab.
In Unity, how do I make the camera follow the player smoothly?
Implement the repository pattern with Entity Framework Core and give an example of a controller.
Why is useEffect called twice in development mode?
Create an OpenAPI client in Go with retries, exponential backoff and jitter.
What are the steps to fine-tune Llama with LoRA on a single 24 GB GPU?
Write a Verilog module for a 4 bit counter with asynchronous reset.
How do I vectorize this double loop? It takes minutes on a 10k x 10k array.
Write a program that reads integers until zero and prints the largest, in the simplest possible way.
A KQL query which shows failed logins grouped by country over the last day
Is there a way to check if a variable is undefined in jinja2?
Could you describe how to index json columns in postgres and when gin beats btree?
I'm building a trading backtester. Suggest the classes and the event loop, then write the core.
Develop a program that finds the kth smallest element of two sorted lists in log time.
Write a website which shows random quotes with html, css and a bit of js.
""",
        "reasoning": """
You are in a race and pass the person in third place. What position are you now in? Where is the person you passed?
Some friends split a bill of 96 dollars; two of them forgot their wallets so the others paid 8 more each. How many friends were there?
The corners of a triangle are at (1, 2), (4, 6) and (4, 2). What is its area?
If I have a 7 minute and an 11 minute hourglass, how can I boil an egg for exactly 15 minutes?
Consider a startup that invests 8000 in the first year and half of that in the second. What was the total?
Given f(x) = 5x^3 - 2x + 9, what is f(2)?
When a number is divided by 10 the remainder is 4. What is the remainder of twice the number divided by 4?
Today is Wednesday. What day of the week will it be 100 days from now?
Kim's mother is Susan, and Susan's only brother is Mark. What is Mark to Kim?
Which of these does not belong with the others: tire, steering wheel, car, engine? Explain.
Every box contains either gold or a note, and exactly one of the statements on the lids is true. Which box do you open?
Let x and y be positive reals with x + y = 1. Find the minimum of 1/x + 4/y.
What's bigger, 9.11 or 9.9? Walk me through it.
Estimate how many piano tuners work in a city of three million people.
An urn has 4 white and 6 black balls; two are drawn without replacement. Probability both have the same colour?
If a tree falls on a Tuesday every three weeks, what is the chance that it falls in a given week?
A snail climbs three metres by day and slips two by night. When does it leave a ten metre well?
Suppose the demand curve is Q = 100 - 2P and supply is Q = 3P. Find the equilibrium and the tax revenue at a tax of 5.
I need to reach the airport by 9:40, the trip takes between 35 and 50 minutes and I must be there 90 minutes early. When do I leave at the latest?
Find all integers n such that n^2 + 3n + 5 is divisible by 11.
There are 100 prisoners and a light bulb. What strategy lets them know that all have visited the room?
Determine whether the series sum of 1/(n log n) converges.
Two cyclists start 60 km apart and ride toward each other at 12 and 18 km/h while a fly goes back and forth at 40 km/h. How far does the fly travel?
Use Bayes' rule: 1% have the disease, the test is 95% sensitive and 90% specific. What does a positive mean?
""",
        "analysis": """
Look at the following quarterly figures and tell me what worries you most and why.
Weigh up renting against buying for a couple with two children and unstable income.
Is the company's decision to vertically integrate sound? Assess it from the standpoint of a shareholder.
How do economic indicators such as GDP, inflation and unemployment relate to each other? Discuss the effect of fiscal policy on them.
Examine antitrust law's influence on competition in the software market, using two cases.
Evaluate how reliable this study is, given the sample size and the lack of a control group.
Compare two retirement strategies, one based on index funds and one on real estate, over thirty years.
Critique the reasoning in this op-ed and point out any fallacies.
What factors explain the gap between the two regions, and which matters most?
We lost three enterprise customers in a month. Break down the possible causes and rank them by likelihood.
Assess the geopolitical risks for a chip manufacturer with plants in three countries.
Provide a detailed comparison of Kafka and RabbitMQ from a product owner's view, with a decision matrix.
Which themes link these two poems, and how does the imagery differ?
""",
        "summarization": """
I missed yesterday's stand-up, here are the raw notes, give me the bits that matter.
Could you boil the attached report down to what the board needs to know?
Here's a long customer email, what do they actually want, in two lines?
In at most 50 words, tell me what this article says.
Please make the minutes below readable: decisions first, then actions.
Read the paper's introduction below and write a one paragraph abstract of it.
Make this thread short enough for a slide.
Give a chapter by chapter summary of The Old Man and the Sea.
tl;dr of the terms of service below
""",
        "translation": """
How would you put "it's raining cats and dogs" in Portuguese so that it sounds natural?
I got this letter from my landlord in German, what is he telling me?
Turn my CV's summary into business French.
My grandmother only speaks Polish, what should I say to wish her a happy name day?
Give me the Japanese for these five menu items, with romaji.
Put the subtitles below in Spanish, keep the time codes.
what's spanish for "could you bring me the menu"
Convert this paragraph from English to Italian please.
""",
        "classification": """
Here are ten customer remarks. For every one, say whether it is about price, quality or delivery.
Bug or feature request? "The export button should also offer xlsx."
Tell me for each sentence below whether it's a fact or an opinion.
Do these two questions ask the same thing? Answer yes or no.
Read the tweet and say if the author supports, opposes or is neutral about the law.
Which of the following five intents does the utterance express: book, cancel, change, complain, other?
Rate these film reviews from 1 to 5, return the list of integers only.
Would you file this under Sports, Business, World or Science?
Spam filter test. Message: "You won a prize, click here". Verdict?
""",
        "extraction": """
From the three book blurbs below, give the main character and the city each plays in, as a json array.
Which numbers in the following press release are money amounts? Return them in order.
Identify the named entities in the text below and group them by type.
Parse this resume and return name, employers, start and end years.
Below is a bill of lading. I only need the container numbers.
Get me every quote by the minister out of this article, with the paragraph number.
Given these stock records, output the highest and lowest closing price for each month as csv.
Take the receipt text and produce a table with item, quantity, unit price.
""",
        "creative": """
Compose an engaging post about a weekend in Lisbon, with the food you ate and the people you met.
Draft a note to my supervisor asking for comments on the quarterly report, short and friendly.
Paint in words an old market at dawn, all five senses.
Write a persuasive message to convince my introverted friend to speak at a local event.
Could you pen an opening paragraph for a novel in which a clockmaker finds a door that leads to yesterday?
Act as a medieval innkeeper and gossip about the knights who stayed last night.
You are now a ship's computer with a dry sense of humour. Greet the new captain.
Help me come up with four sentences for a birthday card to a colleague I hardly know.
Please polish the paragraph below, it has mistakes and sounds clumsy.
Make up a myth which explains why the moon follows travellers.
I want a wedding speech for my brother who loves fishing, two minutes, not cheesy.
Invent three board games for rainy days and give them silly names.
Develop a gripping short tale that starts with the sentence: The phone rang in the empty house.
Design a two week lesson plan on rivers for ten year olds, with playful activities.
Channel your inner Shakespeare and complain about slow wifi.
Suggest a cover story and headline for a magazine about bees.
Write ad copy for noise cancelling headphones aimed at parents.
Can you help me write a bio for my dating profile?
Give me a workout playlist name, a logo idea and a tagline.
Write an SEO article about standing desks of 800 words.
Create a persona for a D&D rogue with a tragic past and a love for pastry.
""",
        "conversation": """
you there?
I can't sleep again.
what's your opinion on pineapple pizza
my cat died yesterday
you're kind of rude today
are you smarter than my teacher?
do you dream of electric sheep
let's play twenty questions, you start
I'm home from work, finally!
do you think people are good?
how do you feel about being switched off?
tell me something nice
it's my birthday today!
so what's new with you
i think i'm in love
sorry for being late
we should hang out
are you a person or a program
what is your favourite season and why
who's your boss
could you talk slower
i am so done with today
""",
        "web_search": """
Did the central bank change rates at its last meeting?
any delays on the northern line this morning?
Who is top of the Premier League table right now?
Look for peer reviewed papers on intermittent fasting from the last two years and give me the links.
is the pharmacy on main street still open
how much snow is expected in Denver tomorrow
when does season 3 come out
what are the best rated ramen places around here
convert 300 dollars to pesos at today's rate
What did the CEO say at this week's conference?
find the cheapest flight from Boston to Lisbon in May
What are the most recent changes in the tax law? cite sources
is there traffic on the way to the airport
newest laptop with a good battery, reviews please
did anyone win the lottery last night
whats happening in town this weekend
how far is the nearest gas station
what's the humidity in Houston
do i need an umbrella today
""",
        "qa": """
What is superposition in quantum physics, and how does it relate to entanglement?
Describe how a four stroke engine turns fuel into motion.
Which fundamental processes take place during photosynthesis and where in the cell?
Could you tell me what the base of a logarithm is good for?
Tell me about the Silk Road and why it mattered.
What vitamins are in an orange?
Where do penguins live?
What should I look for when buying a used bicycle?
Who were the main thinkers of the Enlightenment and what did they stand for?
What's a good substitute for buttermilk in pancakes?
I keep hearing about carbon offsets. What are they?
Is it okay to take ibuprofen with coffee?
Name three inventions of the Han dynasty.
How long should I let bread dough rise?
What's the purpose of a firewall?
Why did the Roman Republic collapse?
Explain the difference between a virus and a bacterium to a ten year old.
What are the requirements for becoming a pilot?
Give me ten interesting facts about octopuses.
How can I stop my dog from barking at night?
What do the terms alpha and beta mean in finance?
Explain antitrust law briefly.
Which exercises are good for lower back pain?
How does a heat pump heat a house when it is cold outside?
An individual's blood type is AB. Which antigens are on the red cells?
How do the stages of life shape our understanding of time?
What is the boiling point of ethanol?
what is the tallest building in the world
Suppose I know nothing about wine. Where do I start?
""",
    },
    "fr": {
        "code": """
Mon composant Angular ne se met pas à jour quand le tableau change, pourquoi ?
J'ai besoin d'un cron qui sauvegarde la base tous les soirs et garde sept jours.
Comment faire une jointure entre trois tables avec l'ORM de Django ?
Donne un exemple de serveur websocket en Go avec reconnexion.
Je débute en C : à quoi sert un pointeur de fonction ?
Génère une page d'accueil responsive avec un menu et un pied de page.
npm install échoue avec ERESOLVE, que faire ?
Fais-moi un bot Telegram qui répond bonjour.
Comment lire une variable d'environnement dans un script bash ?
macro vba pour copier les lignes colorées dans une autre feuille
Comment versionner une api sans casser les clients ?
programme qui affiche les nombres premiers jusqu'à cent
""",
        "reasoning": """
Un nénuphar double chaque jour et couvre l'étang en 48 jours. Quand en couvrait-il la moitié ?
Trois interrupteurs, une lampe dans une autre pièce, un seul aller : comment savoir lequel ?
Si je pars à 8h15 et que le trajet dure 2h50, à quelle heure j'arrive ?
Un prix augmente de 20 % puis baisse de 20 %. Revient-il au départ ?
Quel jour serons-nous dans 45 jours si on est jeudi ?
Le périmètre d'un champ rectangulaire est de 120 m et sa longueur le double de sa largeur. Quelle est son aire ?
On lance deux dés, quelle est la chance que la somme dépasse 9 ?
Combien faut-il de peintres pour finir en trois jours ce que cinq font en six ?
Trouve deux nombres dont la somme est 30 et le produit 221.
""",
        "analysis": """
Regarde ces ventes trimestrielles et dis-moi ce qui t'inquiète.
Louer ou acheter : pèse les deux pour un jeune couple.
Quels facteurs expliquent l'écart entre les deux régions ?
Notre concurrent baisse ses prix ; évalue nos options et leurs risques.
Fais une critique argumentée de cette tribune.
Compare deux solutions de facturation selon le coût, la sécurité et le support.
""",
        "summarization": """
J'ai raté la réunion, voici les notes, qu'est-ce que je dois savoir ?
Ramène ce rapport de dix pages à un paragraphe pour la direction.
Dis-moi l'essentiel de ce fil en trois lignes.
Fais-moi une fiche de lecture courte de ce chapitre.
Que veut le client au fond ? Deux phrases.
""",
        "translation": """
J'ai reçu cette lettre en allemand, qu'est-ce qu'elle dit ?
Comment on dirait « il pleut des cordes » en anglais naturel ?
Mets mon cv en anglais professionnel.
Donne-moi le japonais de ces cinq plats.
que veut dire "how are you doing"
""",
        "classification": """
Voici dix remarques de clients : pour chacune, dis si elle parle du prix, de la qualité ou du délai.
Fait ou opinion ? Réponds pour chaque phrase.
Ces deux questions sont-elles les mêmes ? oui ou non.
Bug ou demande d'évolution ? « le bouton devrait exporter en pdf »
Note ces critiques de film de 1 à 5, uniquement des entiers.
""",
        "extraction": """
Sors-moi tous les montants de ce communiqué, dans l'ordre.
Donne le héros et la ville de chacun des trois résumés, en json.
Voici un ticket de caisse, fais un tableau article, quantité, prix.
Il me faut seulement les numéros de conteneur du document.
Qui est cité dans l'article et avec quelle fonction ?
""",
        "creative": """
Raconte un week-end à Lisbonne comme dans un magazine de voyage.
Un petit mot drôle pour le pot de départ de Sophie, compta.
Il me faut une présentation pour mon profil de rencontre.
Tu es maintenant l'aubergiste d'un village médiéval, accueille-moi.
Commence un roman par la phrase : le téléphone sonna dans la maison vide.
Explique pourquoi la lune suit les voyageurs, sous forme de légende.
Discours de mariage pour mon frère qui aime la pêche, deux minutes.
Arrange ce paragraphe, il est lourd.
Texte publicitaire pour un casque audio.
""",
        "conversation": """
t'es là ?
je n'arrive pas à dormir
mon chat est mort hier
tu es un peu froid aujourd'hui
c'est mon anniversaire !
on joue à un jeu ?
tu penses que les gens sont bons ?
enfin rentré du boulot
dis-moi quelque chose de gentil
t'es une personne ou un programme ?
quoi de beau chez toi
""",
        "web_search": """
La banque centrale a-t-elle changé ses taux cette semaine ?
il y a des retards sur la ligne 4 ce matin ?
Quel est le classement de la ligue 1 ?
la boulangerie de la place est encore ouverte ?
vol le moins cher de Lyon à Lisbonne en mai
faut-il prendre un parapluie aujourd'hui
quelles sont les dernières règles pour le permis ? avec sources
que faire en ville ce week-end
combien de neige est prévue demain à Chamonix
quand sort la saison 3
""",
        "qa": """
Pourquoi la République romaine s'est-elle effondrée ?
Par quoi remplacer le beurre dans un gâteau ?
À quoi sert un pare-feu ?
Combien de temps laisser lever la pâte ?
Qu'est-ce qui différencie un virus d'une bactérie ?
Parle-moi de la route de la soie.
Quelles sont les conditions pour devenir pilote ?
Où vivent les manchots ?
Donne dix faits étonnants sur les pieuvres.
Comment empêcher mon chien d'aboyer la nuit ?
Quels exercices pour le mal de dos ?
""",
    },
}
