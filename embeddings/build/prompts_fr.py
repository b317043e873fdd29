"""French prompt patterns by category, written for the build. [a|b|] is a choice, {x} a slot."""
# ruff: noqa: E501

from __future__ import annotations

PATTERNS: dict[str, str] = {
    "code": """
[écris|crée|fais|donne-moi|j'ai besoin d'|peux-tu écrire|génère|écrivez] [une fonction|un script|un petit programme|une classe|un module] [en|avec] {lang} [qui|pour|capable de] {code_task_fr}
[implémente|code|développe|programme] {algo_fr} en {lang}[| avec des tests| et commente le code]
comment [faire pour|puis-je|on fait pour|] {code_task_fr} en {lang} ?
[pourquoi|sais-tu pourquoi] mon [code|script|programme] {lang} [plante|renvoie une erreur|affiche {error}|ne marche pas] ?
j'ai l'erreur {error} [quand je lance mon programme|à l'exécution|depuis la mise à jour]. [comment corriger ?|une idée ?|aide-moi]\n{snippet}
[corrige|débogue|trouve le bug dans|répare] [ce code|cette fonction|mon script|le code suivant] :\n{snippet}
[refactorise|nettoie|optimise|améliore|simplifie] [ce code|cette fonction|cette méthode|la classe suivante] :\n{snippet}
[explique|que fait|commente|documente] [ce code|cette fonction|le code ci-dessous] [?|:]\n{snippet}
[ajoute|écris] [des tests unitaires|les types|une docstring|la gestion des erreurs] [pour|à] [ceci|cette fonction|ce module] :\n{snippet}
[convertis|réécris|traduis|porte] [ce code|ce script|cette fonction] {lang} en {lang} :\n{snippet}
[écris|donne-moi] [une|la] requête sql [qui|pour] {sql_task_fr}
[crée|conçois|développe] [une api rest|un site web|un composant react|une page html|une appli mobile|un backend] [pour|avec {lang} pour] {app_fr}
comment [installer|configurer|déployer|lancer|sécuriser|connecter] {tool} [sur ubuntu|en production|avec {tool}|derrière un proxy|] ?
[écris|donne-moi] [un dockerfile|un makefile|un fichier de configuration|un workflow github] pour {app_fr}
quelle est la différence entre {tech} et {tech} en {lang} ?
quelle est la complexité de {algo_fr} ?
[fais|donne] une revue de [ce code|cette pull request] :\n{snippet}
[donne-moi|écris] une expression régulière [pour|qui vérifie] {regex_task_fr}
{snippet}\n[pourquoi ça plante ?|que renvoie ce code ?|rends-le plus rapide|complète la fonction]
[formule excel|formule google sheets] pour {sheet_task_fr}
[commande bash|commande linux|script shell] pour {shell_task_fr}
[tu es développeur senior|tu es un expert {lang}]. {code_task_fr} en {lang}.
mon [conteneur|serveur|pipeline|service] {tool} [ne démarre pas|plante|renvoie une erreur 502|est lent], que vérifier ?
[crée|programme] un jeu de {game} en {lang}
modélise la base de données [pour|de] {app_fr}
""",
    "reasoning": """
{word_problem_fr}
{word_problem_fr} [montre les étapes.|explique ton raisonnement.|raisonne étape par étape.|quelle est la réponse ?]
[résous|résoudre|trouve les solutions de|résous pour x] : {equation}
[calcule|évalue|combien font|combien fait|détermine] {math_expr}
[prouve|démontre|montre] que {theorem_fr}
[trouve|calcule|détermine] [la dérivée|l'intégrale|la limite|les racines|l'aire|le volume|le périmètre|le maximum] de {math_object_fr}
quelle est la probabilité [de|d'obtenir] {prob_event_fr} ?
de combien de façons [peut-on|est-il possible de] {comb_event_fr} ?
{riddle_fr}
[résous cette énigme|voici une énigme|devinette|casse-tête] : {riddle_fr}
si {premise_fr} et que {premise_fr}, peut-on en [conclure|déduire] que {premise_fr} ?
[j'ai|on a|vous avez] {resource_fr}. [quelle est la meilleure façon de|comment] {optimise_fr} ? [justifie chaque étape.|]
[planifie|trouve le plan optimal pour|organise] {plan_task_fr} avec [un budget de {n} euros|{n} heures|{n} personnes][, en justifiant|]
{n} ouvriers [font|finissent] un travail en {n} [heures|jours]. combien de temps faut-il à {n} ouvriers ?
un [train|cycliste|bateau|coureur] parcourt {n} km en {n} [heures|minutes]. quelle est sa vitesse moyenne ?
quel est le nombre suivant dans la suite {n}, {n}, {n}, {n} ?
combien font {n} [fois|plus|moins|divisé par|pour cent de] {n} ?
convertis {n} [km en miles|degrés fahrenheit en celsius|en binaire] en détaillant le calcul
dans un groupe de {n} personnes, {n} aiment le thé et {n} le café ; combien aiment les deux ?
[quelle option est la plus rentable|que vaut-il mieux choisir] : {option_fr} ou {option_fr} ? justifie par le calcul
""",
    "analysis": """
[analyse|analysez|examine|fais une analyse critique de|fais l'analyse de] {analysis_object_fr}
[analyse|évalue|examine|mesure] [l'impact|les effets|les conséquences|les causes|les enjeux|les risques] de {topic_fr} sur {topic_fr}
[compare|comparez|fais une comparaison entre] {topic_fr} et {topic_fr}[ du point de vue du coût| pour une petite entreprise|, avec une conclusion|]
quels sont les [avantages et les inconvénients|forces et faiblesses|pour et les contre|risques et bénéfices|points forts et points faibles] de {topic_fr} ?
[fais|réalise|rédige] une [analyse swot|analyse des causes|analyse coût-bénéfice|évaluation des risques|étude de marché|analyse concurrentielle] de {business_fr}
[interprète|que peut-on conclure de|quelles tendances vois-tu dans|analyse] [ces données|ces chiffres|ces résultats|ce sondage] : {figures}
[évalue|critique|donne un avis argumenté sur] [cet argument|ce plan|cette stratégie|cette proposition|ce raisonnement] : {passage}
[discute|pèse] les arguments pour et contre {topic_fr}
[dans quelle mesure|comment] {topic_fr} a-t-il [influencé|transformé|modifié] {topic_fr} ?
[faut-il|devrait-on|une entreprise doit-elle] {decision_fr} ? [pèse le pour et le contre|analyse les options|donne une recommandation argumentée]
[quels sont|identifie] [les facteurs clés|les thèmes principaux|les biais|les hypothèses] de {analysis_object_fr} ?
""",
    "summarization": """
[résume|résumez|synthétise|condense|récapitule] [ce texte|cet article|ce rapport|ce mail|le passage suivant|ce compte rendu|le texte suivant][ en {few_fr} phrases| en quelques lignes| en {few_fr} points| brièvement|] :\n{passage}
[fais|fais-moi|donne-moi|rédige|propose] [un résumé|une synthèse|un court résumé|un récapitulatif|un condensé] [de ce texte|de l'article suivant|du document ci-dessous|du texte suivant] :\n{passage}
{passage}\n\n[résume|en bref ?|résumé stp|tldr|fais court|quelle est l'idée principale ?|résume-moi ça]
[quels sont les points clés|quelle est l'idée principale|quelles sont les idées principales|que faut-il retenir|quel est l'essentiel|quelles sont les grandes lignes] [de ce texte|du passage suivant|de cet article|du document] ?\n{passage}
[raccourcis|réduis|abrège] [ce texte|le passage suivant] [en {few_fr} phrases|à {n} mots|à l'essentiel] :\n{passage}
[peux-tu|pourrais-tu|tu peux] [résumer|me résumer|récapituler|synthétiser] [la discussion|ce fil|la réunion|ce chapitre|l'article|ce texte] [stp|en langage simple|] ? {passage}
[extrais|liste|dégage] les [points essentiels|idées clés|points importants] [du texte|de cet article] :\n{passage}
[transforme|mets] [ces notes|ce compte rendu] [en synthèse|sous forme de puces|en résumé exécutif] :\n{passage}
[explique|dis-moi] en [une phrase|deux lignes|quelques mots] [ce que dit ce texte|de quoi parle ce texte] : {passage}
[pas le temps de lire|c'est trop long], [ça dit quoi|résume-moi] ?\n{passage}
résumé [du livre|de|du film] {book_fr}
""",
    "translation": """
[traduis|traduisez|traduire|traduis-moi] [ce texte|cette phrase|le texte suivant|ce mail|ceci|le paragraphe suivant] en {human_fr}[|, en gardant le ton|, style formel] :\n{passage}
[traduis|traduire] « {short_passage} » en {human_fr}
comment [dit-on|on dit|dire|tu dis|se dit] « {phrase_fr} » en {human_fr} ?
comment [dit-on|on dit|dire] {phrase_fr} en {human_fr} ?
[quel est le mot {human_fr} pour|c'est quoi en {human_fr}] {phrase_fr} ?
que [veut dire|signifie] "{foreign}" en français ?
[donne|donne-moi|propose|rédige] [la version {human_fr}e|la traduction {human_fr}e|une traduction en {human_fr}] de [ce texte|la phrase suivante|ce paragraphe] :\n{passage}
[mets|passe] [ça|ce texte|ce message] en {human_fr} : {passage}
{passage}\n[traduis en {human_fr}|en {human_fr} stp|traduction {human_fr} ?|la même chose en {human_fr}]
[peux-tu|pourrais-tu|tu peux] [traduire|me traduire] [ça|ce texte|la phrase] [en|du français vers l'|vers le] {human_fr} ? {passage}
[agis comme|tu es] [un traducteur|un interprète]. [traduis tout en {human_fr}|traduis ceci] : {passage}
traduction {human_fr} de : {short_passage}
{phrase_fr} en {human_fr}[ ?|]
[adapte|localise] [ce slogan|ce texte d'interface|ce menu] pour un public {human_fr} : {short_passage}
""",
    "classification": """
[classe|classifie|catégorise|étiquette|trie|range] [ce texte|cet avis|ce mail|ce ticket|ce commentaire|ce message|cette phrase|ces titres] [parmi|dans|selon|en] {labels_fr} :\n{passage}
[quel est|détermine|détecte|identifie|donne|indique] [le sentiment|le ton|l'émotion|la polarité|l'intention] de [cet avis|ce tweet|ce commentaire|ce message|cette phrase][|, positif, négatif ou neutre] [?|:] {passage}
[est-ce que ce|ce] [message|mail|commentaire|texte] est-il [du spam|toxique|ironique|positif|négatif|une plainte|urgent] [ou non|ou pas|] ? {passage}
[à|dans] quelle [catégorie|classe|rubrique] [appartient|ranger|classer] [ce ticket|cet article|ce produit|cette demande] ? {labels_fr}. {passage}
[attribue|donne|choisis|assigne] [une étiquette|la bonne catégorie|un niveau de priorité|un label] [à ce message|à ce texte|pour cette demande] parmi {labels_fr} : {passage}
{passage}\n[positif ou négatif ?|spam ou pas ?|quel sentiment ?|catégorie : {labels_fr} ?|est-ce toxique ? oui ou non]
[réponds|répondez] [seulement|uniquement|juste] par [oui ou non|vrai ou faux|une étiquette] : [ce texte est-il|est-ce] {adjective_label_fr} ? {passage}
[étiquette|marque|annote] [chaque|chacune des] [ligne|phrase|avis] [avec|par] {labels_fr} :\n{passage}
[note|évalue] [la priorité|l'urgence|la gravité|la toxicité] de [ce ticket|ce bug|ce commentaire] [faible, moyenne ou haute|de 1 à 5] : {passage}
[oriente|dirige] cette demande vers [le bon service|facturation, vente ou support] : {passage}
[dans quelle langue|dans quel genre] [est écrit ce texte|classer ce texte] ? {passage}
""",
    "extraction": """
[extrais|extraire|relève|récupère|recense|repère] [les noms|toutes les dates|les adresses mail|les numéros de téléphone|tous les lieux|les entreprises|les personnes|les prix|les montants|les entités|les mots-clés] [de ce texte|du texte suivant|dans le passage ci-dessous|du mail] :\n{passage}
[transforme|convertis|renvoie|mets] [ce texte|cette facture|ce cv|ce mail] en [json|tableau|csv|données structurées|liste clé-valeur] [avec les champs nom, date et montant|] :\n{passage}
[liste|trouve|identifie|cite|nomme] [toutes les personnes|chaque entreprise|tous les pays|les dates|les produits|les chiffres] [mentionnés|cités|qui apparaissent] [ci-dessous|dans le texte|dans cet article] :\n{passage}
[quelles personnes|quelles entreprises|quelles dates|quels lieux] [sont mentionnées|sont citées|apparaissent] dans [ce texte|cet article] ? {passage}
[à partir du|d'après le|en te basant sur le] [texte|paragraphe|mail], [donne|renvoie|remplis|complète] [le nom et la date|un objet json|un tableau produit et prix|seulement les numéros] :\n{passage}
{passage}\n[extrais les noms|liste les dates|renvoie du json|quels sont les montants ?|donne seulement les adresses mail]
[fais|effectue] une [reconnaissance d'entités nommées|extraction d'entités|extraction de mots-clés] sur [ce texte|le passage suivant] : {passage}
[quel est|trouve|donne-moi] [le numéro de commande|le montant total|la date d'échéance|l'expéditeur|l'adresse] [dans|de] [ce mail|cette facture|cette lettre] : {passage}
[remplis|complète] ce formulaire [à partir du|avec le] texte : nom, date, montant.\n{passage}
""",
    "creative": """
[écris|compose|invente|crée|raconte|raconte-moi|imagine|écrivez] [une histoire|un poème|un conte|un haïku|un sonnet|une chanson|une nouvelle|une fable|un monologue|une scène|une courte histoire|un conte pour enfants] [sur|à propos de|au sujet de] {story_topic_fr}[| dans le style de {author_fr}| avec une fin surprenante| en {n} mots|]
[écris|rédige|rédigez|prépare|aide-moi à écrire] [un mail|un courriel poli|une lettre de motivation|un discours|un article de blog|un post linkedin|un communiqué de presse|une lettre d'amour|une fiche produit|une lettre de démission|une invitation|une annonce|une dissertation|une réclamation] [sur|pour|concernant|à mon patron pour] {write_topic_fr}
[donne-moi|propose|trouve|suggère|imagine] [{few_fr}|une liste de|des|dix] [noms|slogans|titres|idées|accroches|idées d'intrigue|métaphores] pour {app_fr}
[continue|termine|écris la suite de|écris la fin de] [cette histoire|mon histoire|ce conte] : {story_start_fr}
[écris|crée|imagine] un dialogue entre {character_fr} et {character_fr}[| sur {story_topic_fr}]
[imagine|décris] [que tu es|un monde où|une planète où|un personnage qui|une journée où] {story_premise_fr}
[réécris|reformule|corrige|améliore|rends] [ce paragraphe|ce texte|ce mail|cette phrase] [dans un style plus soutenu|de façon plus professionnelle|en plus amical|dans le style de {author_fr}|en corrigeant les fautes] : {passage}
[fais comme si tu étais|mets-toi dans la peau de|joue le rôle de|parle comme|incarne] {character_fr}[.|, raconte ta journée|, et réponds à mes questions]
il était une fois {story_start_fr}[, continue|]
[écris|compose] [les paroles d'une chanson|un refrain|une comptine|un rap] sur {story_topic_fr}
[fais|écris|donne] une description [poétique|vivante|détaillée] de {story_topic_fr}
[écris|invente] [le scénario|le plan|le synopsis|l'univers] d'[un roman fantastique|un court métrage|un jeu vidéo|une bande dessinée] [sur|avec] {story_topic_fr}
[trouve|invente] [une blague|un jeu de mots|une devinette|un message d'anniversaire] sur {story_topic_fr}
""",
    "conversation": """
[bonjour|salut|coucou|bonsoir|hello|hey|yo|rebonjour][|!|, | à tous] [comment vas-tu ?|ça va ?|comment allez-vous ?|quoi de neuf ?|tu es là ?|enchanté|]
[merci|merci beaucoup|merci bien|ok merci|super merci|parfait, merci][|!| pour ton aide| c'est gentil| à toi]
[au revoir|à bientôt|bonne nuit|bonne journée|à demain|ciao|à plus|je dois y aller][|!|.]
[qui es-tu|tu es qui|comment tu t'appelles|quel est ton nom|es-tu un robot|es-tu humain|qui t'a créé|quel âge as-tu|où habites-tu|tu as des sentiments|que sais-tu faire|tu dors parfois|quelle est ta {fav_fr} préférée|tu aimes {fav_fr}] ?
je [suis|me sens] [un peu|très|vraiment|] [triste|seul|heureux|fatiguée|stressé|anxieuse|content|déprimé] [aujourd'hui|ce soir|en ce moment|à cause du travail|]
[raconte-moi|dis-moi|tu connais] [une blague|quelque chose de drôle|une anecdote|un secret][ ?| stp|]
[oui|non|ok|d'accord|peut-être|je vois|super|génial|mdr|haha|c'est vrai|intéressant|laisse tomber|vas-y|ah bon][|!|, merci|, dis-m'en plus]
j'ai [passé|eu] [une bonne|une mauvaise|une longue|une drôle de] [journée|semaine|réunion][|, on peut parler ?|, et toi ?]
[on peut|j'aimerais|je veux juste|j'ai envie de] [discuter|parler un peu|bavarder|parler de ma journée|parler de {fav_fr}]
[j'aime|je déteste|j'adore|il me manque] [mon {friend_fr}|{fav_fr}|mon travail|le lundi]
[que penses-tu de|tu aimes|qu'est-ce que tu penses de] {fav_fr} ?
mon {friend_fr} [ne me parle plus|m'a quitté|est fâché contre moi|a trouvé un travail][|, je ne sais pas quoi faire|, je suis triste]
[bravo|bien joué|tu es drôle|tu es intelligent|tu te trompes|je ne te crois pas|tu es le meilleur|désolé|pardon][|!]
[qu'est-ce qu'on mange|que faire|que regarder] ce soir ?
[je m'appelle {name}|je viens de {city}|j'ai {n} ans|je suis nouveau ici][, et toi ?|]
je m'ennuie[|, tu proposes quoi ?|, parle-moi]
""",
    "web_search": """
[quel temps fait-il|quelle est la météo|il fait quel temps|quelle température fait-il|météo] [à {city}|à {city} demain|aujourd'hui|ce week-end|ce soir] ?
[va-t-il|est-ce qu'il va] [pleuvoir|neiger|faire beau] [à {city}|] [demain|ce week-end|aujourd'hui|ce soir] ?
[dernières|quelles sont les dernières|les] [nouvelles|actualités|infos|annonces] [sur|de|à propos de|concernant] {news_topic_fr} [?|]
[quelle est la dernière version de|quel est le dernier modèle de|quoi de nouveau sur|où en est] {news_topic_fr} ?
[cours actuel|prix actuel|cours|quel est le cours|quel est le prix] [de|du|de l'action] {stock} [aujourd'hui|en ce moment|] ?
combien [vaut|coûte] {stock} [aujourd'hui|en ce moment|actuellement] ?
qui a [gagné|remporté|marqué pendant] [le match|l'élection|la course|le tournoi|la finale] [hier|hier soir|dimanche|cette année] ?
[cherche|recherche|cherche sur le web|trouve|trouve sur internet|regarde sur google] [des articles récents sur|des avis sur|des informations sur|le site de|des études sur] {news_topic_fr} [avec les sources|et donne les liens|]
[trouve|trouve-moi|cherche|propose] [un restaurant|un hôtel|un vol|une pharmacie ouverte|un concert|un appartement|des billets] [près de moi|à {city}|pour {city}|autour de {city}] [ce soir|ce week-end|pour demain|pas cher|]
à quelle heure [ouvre|ferme] [le musée|le supermarché|la poste|la bibliothèque|la pharmacie] [à {city}|] [demain|aujourd'hui|dimanche|] ?
que [s'est-il passé|se passe-t-il] [à {city}|avec {news_topic_fr}|dans le monde] [aujourd'hui|cette semaine|hier|récemment] ?
qui est [l'actuel|le nouvel|aujourd'hui le] [président|patron|entraîneur|maire|champion] [de|du] {org_fr} ?
[y a-t-il|est-ce qu'il y a] [des grèves|des retards|des bouchons|des vols annulés] [aujourd'hui|en ce moment|demain] [à {city}|] ?
combien font {n} [euros en dollars|dollars en euros|livres en euros] [aujourd'hui|au taux actuel|] ?
[quand est|c'est quand] [le prochain match|la prochaine élection|le prochain concert à {city}|la sortie du prochain iphone|le prochain jour férié] ?
[horaires|adresse|avis|résultats|classement|programme|numéro de téléphone] [de|du] {news_topic_fr} [?|aujourd'hui|2026|]
[quels films passent|qu'y a-t-il à la télé|quels événements] [ce soir|ce week-end|à {city}] ?
[réserve|trouve]-moi [un train|un vol|une table] pour [{city} demain|vendredi|la semaine prochaine]
""",
    "qa": """
[qu'est-ce que|c'est quoi|qu'est-ce que c'est que] {concept_fr} ?
[explique|explique-moi|décris|définis|parle-moi de] {concept_fr}[| simplement| à un enfant| en termes simples| brièvement]
que [signifie|veut dire] {concept_fr} ?
qui [a découvert|a inventé|a écrit|a peint|a fondé|était|a composé] {entity_fr} ?
[quand|où|en quelle année] {event_fact_fr} ?
[pourquoi|comment] {why_fact_fr} ?
[quelle est la|donne la] [capitale|population|monnaie|langue officielle|plus grande ville] [de la|du|de] {country_fr} ?
quelle est la différence entre {concept_fr} et {concept_fr} ?
comment fonctionne {concept_fr} ?
[quel|quelle] [planète|pays|élément|animal|fleuve|organe|roi|métal|roman] {which_fact_fr} ?
[combien|à quelle distance|à quelle vitesse|depuis quand] {quant_fact_fr} ?
[j'aimerais savoir|je voudrais comprendre|apprends-moi] [ce qu'est|comment marche] {concept_fr}
[quels sont|cite|donne] [les principaux|les différents|trois] [types|usages|exemples|effets] de {concept_fr}
est-ce [vrai|possible|dangereux|légal] [que|de] {true_fact_fr} ?
comment [faire pour|on peut|puis-je|] {howto_fr} ?
[présente|décris|retrace] [l'histoire|l'origine|le rôle|la structure|le principe] de {concept_fr}
[vrai ou faux|complète la phrase] : {statement_fact_fr}
{mc_question_fr}
""",
}
