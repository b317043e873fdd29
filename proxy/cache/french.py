"""French words that may stand for each other in a request, and forms that no rule makes.

Written as in `english`. Accents are as they should be; a word without them is found as well.
"""

from __future__ import annotations

from collections.abc import Iterator

SYNONYMS = """
écrire rédiger composer rédaction; créer faire construire bâtir fabriquer générer produire
développer construction création; réparer corriger résoudre solutionner dépanner correction; choisir
sélectionner; obtenir récupérer; trouver localiser; commencer débuter démarrer; arrêter cesser
stopper; finir terminer achever; supprimer effacer enlever retirer ôter éliminer; ajouter
rajouter; augmenter accroître; réduire diminuer baisser; améliorer perfectionner amélioration;
aider assister; utiliser employer utilisation; arriver survenir; parler discuter; acheter achat;
vérifier contrôler; changer modifier; combiner fusionner; habiter vivre; exécuter lancer; calculer
calcul; convertir transformer conversion; traduire traduction; signifier signification définition
définir sens; résumé résumer synthèse synthétiser récapitulatif récapituler; comparer comparaison
différence distinguer différer; cuisiner préparer cuire cuisson; bouillir bout ébullition; fondre
fond fusion; geler gèle congélation; pays nation nations; règle règles; course courses; voyager
visiter voyage visite; étudier étude; penser opinion avis croire; fonctionner marcher; inviter
invitation; répondre réponse; reformuler réécrire; raccourcir abréger; renverser
retourner; itérer parcourir boucler; configurer configuration paramétrer; installer installation;
désinstaller désinstallation; activer activation active; désactiver désactivation; accepter
acceptation; refuser décliner rejeter refus; autoriser permettre; interdire prohiber; masquer
cacher; réserver réservation; investir investissement; payer paiement; mélanger remuer; professeur
enseignant prof; cours leçon; concours compétition; salarié employé; écran moniteur; somme total;
chance probabilité; insecte bestiole; toilette wc; sentiment émotion; courageux brave; poli
courtois; impoli malpoli grossier; énorme immense gigantesque; immédiatement
instantanément; récemment dernièrement; parfois quelquefois; presque quasiment; complètement
totalement entièrement; surtout principalement; chercher rechercher; garder conserver; remplir
compléter; envoyer transmettre expédier; reporter repousser; soulager apaiser; boisson breuvage;
rembourser remboursement; prononcer prononciation; goût saveur; rapporter; trajet déplacement;
nettoyer laver; étape phase; méditer méditation; soigner traiter traitement; mourir décès mort
décéder; naître naissance; peser poids; inventer invention; découvrir découverte;
fonder fondation; gagner remporter; vainqueur gagnant; mémoriser retenir; postuler candidater;
excuser excuse; présenter
présentation; analyser analyse; organiser organisation; optimiser optimisation; copier dupliquer
copie; valider validation; encoder encodage; décoder décodage; chiffrer chiffrement; déchiffrer
déchiffrement; remplacer substituer; déclarer déclaration; résilier annuler annulation
résiliation; désabonner désinscrire; contacter joindre; recommander conseiller suggérer proposer
conseil recommandation suggestion astuce; photo image photographie; portable
mobile; voiture automobile auto; enfant gamin gosse; entreprise société compagnie firme; problème
souci ennui; dossier répertoire; médecin docteur; ordinateur ordi; vacances
congé; université fac; emploi job travail boulot métier profession poste; mère maman; père papa;
mamie grand-mère; bébé nourrisson; ami copain pote; appartement appart; canapé sofa; essence
carburant; poubelle ordure déchet; vélo bicyclette; moto motocyclette; télévision télé tv;
réfrigérateur frigo; publicité pub annonce; information info renseignement; application appli;
laboratoire labo; mathématiques maths math; salaire paye rémunération; prix coût tarif coûter;
maladie affection; avantage bienfait bénéfice atout; inconvénient désavantage; effet conséquence;
objectif but; contraire antonyme opposé; auteur écrivain; habitant population; adolescent ado;
dîner souper; entier int; chaîne string; message msg; rôle utilité; cadeau présent; magasin
boutique; situé localisé; football foot; nourriture aliment; frontière frontalier; chute tomber;
cause provoquer causer entraîner raison; période moment; itinéraire parcours; monnaie devise;
superficie surface; réunion rendez-vous; grand gros; rapide vite rapidement; difficile dur
compliqué; meilleur mieux; cher coûteux onéreux; heureux content joyeux; triste malheureux; peur
crainte; stupide bête; beau joli; célèbre connu renommé; important crucial
importance; principal majeur; riche fortuné; dangereux risqué; drôle amusant marrant; étrange
bizarre; incorrect faux erroné; fatigué épuisé; calme silencieux; mince maigre; cassé abîmé; haut
élevé; maximum max; l'or d'or; minimum min; souvent fréquemment; semblable similaire; pluie
pleuvoir; amincir maigrir
"""

# What each form that no pattern makes is a form of.
FORMS = """
écrire écris écrit écrite écrits écrites écrivez écrivons écrivent écrivant écrivit; dire dis dit
dites disent disant; lire lis lit lisez lisons lisent lisant lu lue lus; boire bois boit buvez
buvons boivent buvant bu bue bus; croire crois croit croyez croyons croient croyant cru; voir vois
voit voyez voyons voient voyant vu vue vus; vivre vis vit vivez vivons vivent vivant vécu vécut;
suivre suit suivez suivons suivent suivant suivi; mourir meurs meurt mourez meurent mourant mort
morte morts mourut; naître nais naît né née nés nées naquit naissent; connaître connais connaît
connaissez connaissent connaissant connu connue; plaire plais plaisent plu; rire ris rit riez
rient ri; résoudre résous résout résolvez résolvons résolvent résolvant résolu résolue; coudre
couds coud cousu; courir cours court courez courent courant couru; acquérir acquis acquiert;
asseoir assied assieds assis assise; fuir fuis fuit fuient fui; cueillir cueille cueilli; moudre
mouds moulu; valoir vaut valent valu; pleuvoir pleut pleuvait plu pleuvra; recevoir reçois reçoit
recevez recevons reçoivent recevant reçu reçue; faire fait fais faites font faisant faite faits
fasse; aller vais va vas allez vont allé allée aller; savoir sais sait savez savent su; vouloir
veux veut voulez veulent voulu; œuf œufs oeuf oeufs; œil yeux oeil; animal animaux; journal
journaux; cheval chevaux; travail travaux; vitrail vitraux; mal maux; os os; hôpital hôpitaux;
canal canaux; signal signaux; métal métaux; général généraux; capital capitaux; national
nationaux; social sociaux; égal égaux; oral oraux; beau belle beaux belles bel; nouveau nouvelle
nouveaux nouvelles nouvel; vieux vieille vieilles vieil; fou folle; long longue longs longues;
blanc blanche blancs blanches; sec sèche; frais fraîche; doux douce; gros grosse grosses; faux
fausse; public publique; payer paie paies payez paye; essayer essaie essayez; nettoyer nettoie
nettoyez; envoyer envoie envoyez envoies; acheter achète achètes; appeler appelle appelles
appellent; jeter jette jettes; peser pèse pèsent; lever lève lèvent; élever élève élèvent;
préférer préfère préfères préfèrent préféré préférée préférés préférées; gérer gère gèrent;
espérer espère; répéter répète; compléter complète; accélérer accélère; récupérer récupère; créer
crée crées créent créé créée; manger mange mangent mangeons mangeant; jouer joue
joues jouent jouez jouons joué; louer loue loues louent louez loué louée; changer change changeons
changeant; nager nage nageons; partager partage; protéger protège; commencer commence commençons
commençant; lancer lance lançons; placer place plaçons; remplacer remplace remplaçant; effacer
efface effaçant; meilleur meilleure meilleurs meilleures
"""

# Words of their own, not forms of the words that they look like forms of.
OWN = """
balle balles; botte bottes; carte cartes; case cases; colle colles; côte côtes; côté côtés;
forêt forêts; graine graines; jeûne jeûnes; malle malles; marché marchés; motte mottes; péché
péchés; pêche pêches; pelle pelles; pointe pointes; porte portes; reine reines; selle selles; tâche
tâches; vente ventes; décevant décevante; déprimant déprimante; fatigant fatigante; intéressant
intéressante intéressants intéressantes; stressant stressante; choquant choquante
"""

# Infinitives whose forms a pattern makes: see `forms`.
# By ending: the verbs that have it, how much of it is cut off, and what comes instead.
PATTERNS = (
    (
        2,
        "is it issons issez issent issant i ie iez is ies isse",
        """
        choisir finir réussir remplir grandir grossir maigrir mincir vieillir nourrir guérir établir
        réfléchir rougir bâtir définir fournir garantir saisir réunir agir réagir investir convertir
        ralentir raccourcir rafraîchir épaissir rôtir blanchir amincir accomplir punir franchir
        """,
    ),
    (3, "s t tons tez tent tant ti tie tis", "partir sortir sentir mentir ressentir repartir"),
    (3, "s t mons mez ment mant mi", "dormir endormir"),
    (3, "s t vons vez vent vant vi vie", "servir desservir"),
    (
        2,
        "s / ons ez ent ant u ue us ues",
        """
        vendre rendre perdre attendre entendre répondre descendre défendre dépendre mordre tordre
        fondre pendre tendre étendre détendre correspondre confondre
        """,
    ),
    (
        5,
        "ends end enons enez ennent enant is ise ises",
        "prendre apprendre comprendre surprendre reprendre entreprendre",
    ),
    (
        5,
        "ets et ettons ettez ettent ettant is ise ises",
        "mettre permettre promettre admettre transmettre remettre commettre soumettre",
    ),
    (
        4,
        "iens ient enons enez iennent enant enu enue enus int",
        """
        venir tenir obtenir contenir retenir maintenir appartenir devenir revenir prévenir
        intervenir soutenir provenir
        """,
    ),
    (
        2,
        "s t sons sez sent sant t te ts tes",
        """
        conduire construire produire traduire réduire cuire détruire introduire séduire déduire
        reproduire instruire reconstruire interdire prédire contredire
        """,
    ),
    (2, "s t vons vez vent vant t te ts tes", "décrire inscrire désinscrire réécrire"),
    (
        4,
        "ns nt gnons gnez gnent gnant nte nts ntes",
        "peindre craindre joindre éteindre atteindre plaindre rejoindre teindre contraindre",
    ),
    (
        3,
        "re res rons rez rent rant ert erte erts ertes",
        "ouvrir couvrir offrir souffrir découvrir recouvrir",
    ),
    (3, "s / tons tez tent tant tu tue tus", "battre combattre abattre débattre"),
)


def conjugated() -> Iterator[tuple[str, list[str]]]:
    """Each verb that a pattern makes, with its forms."""
    for cut, endings, verbs in PATTERNS:
        for verb in verbs.split():
            root = verb[:-cut]
            yield verb, [root + ending.strip("/") for ending in endings.split()]
