"""Words that turn an answer round, English and French: the two sides of a pair never meet.

Lines of `side/other N: spelling spelling ...`, N being the side.
"""

OPPOSITES = """
accept/refuse 1: accept accepts accepted accepting acceptance accepter accepte acceptez acceptant
accept/refuse 1: accepté
accept/refuse 2: refuse refuses refused refusing refusal decline declines declined declining
accept/refuse 2: reject rejects rejected rejecting rejection refuser refusez refusant refusé
accept/refuse 2: rejeter rejette rejetant rejeté décliner décline déclinez déclinant décliné
enable/disable 1: enable enables enabled enabling activate activates activated activating activer
enable/disable 1: active activez activant activé
enable/disable 2: disable disables disabled disabling deactivate deactivates deactivated
enable/disable 2: deactivating désactiver désactive désactivez désactivant désactivé desactiver
enable/disable 2: desactive
open/close 1: open opens opened opening ouvrir ouvre ouvrez ouvrant ouvert ouverte ouverture
open/close 2: close closes closed closing shut fermer ferme fermez fermant fermé fermée fermeture
start/stop 1: start starts started starting begin begins beginning began launch launches démarrer
start/stop 1: démarre démarrez commencer commence commencez lancer lance lancez début debut
start/stop 2: stop stops stopped stopping end ends ended ending finish finishes quit quits
start/stop 1: commencé débuté débute
start/stop 2: fini finie finit terminé terminée terminés termina
start/stop 2: arrêter arrête arrêtez arreter arrete terminer termine finir finis fin cesser
increase/decrease 1: increase increases increased increasing raise raises raising boost boosts
increase/decrease 1: grow growth augmenter augmente augmentez augmentation hausse
increase/decrease 2: decrease decreases decreased decreasing reduce reduces reduced reducing
increase/decrease 2: reduction lower lowers lowering diminish shrink diminuer diminue diminuez
increase/decrease 2: diminution réduire réduis réduisez réduction reduire baisser baisse baissez
add/remove 1: add adds added adding addition insert inserts inserting ajouter ajoute ajoutez
add/remove 1: ajout insérer insère
add/remove 2: remove removes removed removing removal delete deletes deleted deleting erase
add/remove 2: enlever enlève enlevez retirer retire retirez supprimer supprime supprimez
add/remove 2: suppression effacer efface
buy/sell 1: buy buys buying bought purchase purchases purchasing acheter achète achetez achat
buy/sell 1: achats
buy/sell 2: sell sells selling sold vendre vends vend vendez vente ventes
like/dislike 1: like likes liked love loves loved loving aimer aime aimez adore adorer
like/dislike 2: dislike dislikes hate hates hated hating détester déteste détestez haïr
more/less 1: more davantage
more/less 2: less fewer moins
most/least 1: most maximum max maximize maximise highest greatest largest biggest maximal
most/least 1: maximiser
most/least 2: least minimum min minimize minimise lowest smallest minimal minimiser
pros/cons 1: pros advantage advantages benefit benefits beneficial avantage avantages bienfaits
pros/cons 1: bénéfique
pros/cons 2: cons disadvantage disadvantages drawback drawbacks downside downsides inconvénient
pros/cons 2: inconvénients nocif harm harms harmful
good/bad 1: good great nice best top healthy positive bon bonne bons bonnes meilleur meilleure
good/bad 1: meilleurs meilleures mieux positif
good/bad 2: bad worst unhealthy negative mauvais mauvaise mauvaises pire pires négatif
better/worse 1: better
better/worse 2: worse
hot/cold 1: hot warm chaud chaude chauds
hot/cold 2: cold cool froid froide froids
big/small 1: big large huge bigger larger grand grande grands grandes gros grosse
big/small 2: small little tiny smaller petit petite petits petites
high/low 1: high higher haut haute élevé
high/low 2: low bas basse faible
fast/slow 1: fast faster rapid rapide rapides vite
fast/slow 2: slow slower slowly lent lente lents lentement
cheap/expensive 1: cheap cheaper cheapest inexpensive affordable
cheap/expensive 2: expensive costly pricey cher chère chers coûteux
easy/hard 1: easy easier easiest facile faciles
easy/hard 2: hard harder hardest difficult tough difficile difficiles
old/new 1: old older ancient ancien ancienne vieux vieille vieil
old/new 2: new newer newest recent latest young younger nouveau nouvelle nouveaux nouvelles
old/new 2: récent jeune jeunes
before/after 1: before prior avant
before/after 2: after following après apres
win/lose 1: win wins won winning winner gagner gagne gagné vainqueur
win/lose 2: lose loses lost losing loser perdre perd perdu
import/export 1: import imports importing imported importer importe
import/export 2: export exports exporting exported exporter exporte
encode/decode 1: encode encoding encoder
encode/decode 2: decode decoding décoder
encrypt/decrypt 1: encrypt encryption encrypting chiffrer chiffrement
encrypt/decrypt 2: decrypt decryption decrypting déchiffrer déchiffrement
ascending/descending 1: ascending asc croissant croissante
ascending/descending 2: descending desc décroissant décroissante
upload/download 1: upload uploads uploading téléverser
upload/download 2: download downloads downloading télécharger télécharge
install/uninstall 1: install installs installed installing installer installe installez
install/uninstall 1: installation
install/uninstall 2: uninstall uninstalls uninstalled uninstalling désinstaller désinstalle
install/uninstall 2: désinstallez
lock/unlock 1: lock locks locked locking verrouiller
lock/unlock 2: unlock unlocks unlocked unlocking déverrouiller
connect/disconnect 1: connect connects connected connecting connecter
connect/disconnect 2: disconnect disconnects disconnected déconnecter
block/unblock 1: block blocks blocked blocking bloquer bloque
block/unblock 2: unblock unblocks unblocking débloquer débloque
allow/forbid 1: allow allows allowed allowing permit permitted autoriser autorise autorisé
allow/forbid 1: autorisez permettre permet permis
allow/forbid 2: forbid forbids forbidden ban bans banned banning prohibit prohibited deny
allow/forbid 2: interdire interdit interdite interdisez
legal/illegal 1: legal legally légal légale légaux
legal/illegal 2: illegal illegally illégal illégale
true/false 1: true correct vrai vraie
true/false 2: false incorrect wrong faux fausse
up/down 1: up
up/down 2: down
above/below 1: above over dessus supérieur
above/below 2: below under beneath dessous inférieur
inside/outside 1: indoor indoors intérieur
inside/outside 2: outside outdoor outdoors extérieur
left/right 1: left gauche
left/right 2: right droite
north/south 1: north northern nord
north/south 2: south southern sud
east/west 1: east eastern
east/west 2: west western ouest
male/female 1: male man men boy boys husband father brother masculine homme hommes garçon garçons
male/female 1: mari père frère masculin
male/female 2: female woman women girl girls wife mother daughter sister feminine femme femmes
male/female 2: fille filles épouse mère sœur féminin
rich/poor 1: rich wealthy riche riches
rich/poor 2: poor pauvre pauvres
strong/weak 1: strong stronger fort forte
strong/weak 2: weak weaker
safe/dangerous 1: safe safely sûr sûre sans-danger
safe/dangerous 2: dangerous unsafe risky dangereux dangereuse
gain/lose 1: gain gains gaining grossir
gain/lose 2: slim maigrir mincir
include/exclude 1: include includes including included inclure inclus
include/exclude 2: exclude excludes excluding excluded except exclure sauf excepté
push/pull 1: push pushes pushing pousser
push/pull 2: pull pulls pulling tirer
send/receive 1: send sends sending sent envoyer envoie envoyez
send/receive 2: receive receives receiving received recevoir reçois recevez
lend/borrow 1: lend lends lending prêter
lend/borrow 2: borrow borrows borrowing emprunter
teach/learn 1: teach teaches teaching taught enseigner
teach/learn 2: learn learns learning learnt learned apprendre apprends
agree/disagree 1: agree agrees agreed accord
agree/disagree 2: disagree disagrees disagreed désaccord
approve/disapprove 1: approve approves approved approving approuver approuve
approve/disapprove 2: disapprove veto désapprouver
join/leave 1: join joins joining joined rejoindre
join/leave 2: leave leaves leaving quitter quitte
hire/fire 1: hire hires hiring hired embaucher recruter
hire/fire 2: fires firing fired licencier
happy/sad 1: happy glad heureux heureuse joyeux
happy/sad 2: sad unhappy triste tristes
full/empty 1: full plein pleine
full/empty 2: empty vide
public/private 1: public publique publics
public/private 2: private privé privée
input/output 1: input inputs entrée
input/output 2: output outputs sortie
domestic/foreign 1: domestic national
domestic/foreign 2: foreign international étranger étrangère
all/some 1: all every everything whole entire tous toutes tout toute
all/some 2: only few seulement uniquement certains certaines
same/different 1: same similar équivalent même /
cancel/confirm 1: cancel cancels cancelled canceled cancelling canceling annuler annule annulez
cancel/confirm 1: annulant annulé
cancel/confirm 2: confirm confirms confirmed confirming confirmer confirme confirmez confirmant
cancel/confirm 2: confirmé
praise/criticize 1: praise praises praising compliment louer féliciter
praise/criticize 2: criticize criticise criticizes criticizing complain complaint complaining
praise/criticize 2: critiquer plainte
thank/apologize 1: thanking remercier remercie
thank/apologize 2: apologize apologise apology apologizing excuser excuses
hide/show 1: hide hides hiding hidden cacher cache masquer masque
hide/show 2: reveal reveals unhide afficher affiche affichez
can/cannot 1: / impossible unable
early/late 1: early earlier tôt
early/late 2: late later tard
alive/dead 1: alive living born naissance né née
alive/dead 2: dead die dies died dying death mort morte mourir décès
friend/enemy 1: friend friends ally ami amis
friend/enemy 2: enemy enemies ennemi ennemis
victory/defeat 1: victory victoire
victory/defeat 2: defeat défaite
front/back 1: front frontend
front/back 2: back backend arrière
sync/async 1: synchronous sync synchrone
sync/async 2: asynchronous async asynchrone
client/server 1: client clients
client/server 2: server servers serveur serveurs
vegan/meat 1: vegan vegetarian végétarien végétarienne végétalien
vegan/meat 2: meat viande
odd/even 1: odd impair impairs
odd/even 2: even pair pairs
horizontal/vertical 1: horizontal horizontally horizontale
horizontal/vertical 2: vertical vertically verticale
single/married 1: single célibataire
single/married 2: married marié mariée
active/passive 1: actif
active/passive 2: passive passif
mandatory/optional 1: mandatory required compulsory obligatoire
mandatory/optional 2: optional facultatif optionnel
"""
