"""Words that may stand for each other in a request, and names with their several spellings.

Lines of `concept: spelling spelling ...`, English and French. Left out on purpose: words that are
only near (siblings, broader and narrower terms), for a near word asks a different question.
"""

SYNONYMS = """
write: write writes writing written draft drafting compose composing écrire écris écrivez rédige
write: rédiger rédigez rediger redige composer compose composez ecrire ecris
create: create creates creating make makes making made build builds building generate generates
create: generating produce producing construct develop developing créer crée créez creer générer
create: génère générez generer fabriquer fabrique construire construis construisez produire
summary: summarize summarise summarizes summarizing summary summaries synopsis recap résumer
summary: résume résumez résumé résumés resume resumer récapitulatif synthèse synthétiser
summary: synthétise
translate: translate translates translating translation translated traduire traduis traduisez
translate: traduction traduit
convert: convert converts converting conversion converted transform transforming convertir
convert: convertis convertissez transformer transforme
calculate: calculate calculates calculating calculation compute computing computation calculer
calculate: calcule calculez calcul computes computed
compare: compare compares comparing comparison difference differences differ distinguish
compare: comparer compare comparez comparaison différence différences distinguer distinction
fix: fix fixes fixing repair repairs repairing solve solves solving solved resolve resolves
fix: resolving troubleshoot réparer répare réparez résoudre résous résolvez corriger corrige
fix: corrigez
mean: mean means meaning definition define defines defining définition définir définis
mean: définissez signifie signifier signification sens
use: use uses using used usage utilize employ utiliser utilise utilisez utilisant utilisation
use: employer
improve: improve improves improving improvement enhance enhancing améliorer améliore améliorez
improve: amélioration perfectionner
need: need needs needed
want: want wants wanted
happen: happen happens happened happening occur occurs occurred occurring arriver produit passer
work: work works working worked function functions functioning operate operates fonctionner
work: fonctionne fonctionnent fonctionnement marche marcher
job: job jobs employment career careers emploi emplois travail boulot carrière
get: obtain obtains obtaining acquire acquiring obtenir obtiens obtenez
earn: earn earning earns
money: money cash argent
movie: movie movies film films
picture: picture pictures photo photos image images photograph photographs
phone: phone phones smartphone smartphones cellphone mobile téléphone téléphones portable
car: car cars automobile automobiles voiture voitures
child: child children kid kids enfant enfants
company: company companies firm firms entreprise entreprises société sociétés
country: country countries nation nations pays
city: city cities ville villes
capital: capital capitale capitales
inhabitants: population inhabitants habitants
meeting: meeting meetings réunion réunions rendez-vous
invite: invitation invitations invite invites inviter
idea: idea ideas idée idées
tip: tip tips advice suggestion suggestions recommendation recommendations recommend recommends
tip: suggest suggests conseil conseils recommander recommande recommandez suggérer suggère
tip: suggérez recommandation
problem: problem problems issue issues trouble problème problèmes souci soucis
error: error errors bug bugs erreur erreurs bogue bogues
file: file files fichier fichiers
folder: folder folders directory directories dossier dossiers répertoire répertoires
sort: sort sorts sorting sorted trier trie triez tri
reverse: reverse reverses reversing reversed invert inverser inverse inversez renverser retourner
string: string strings chaîne chaînes chaine chaines
loop: loop loops looping iterate iterating iteration boucle boucles itérer
variable: variable variables
function: fonction fonctions
read: read reads reading lire lis lisez lecture
check: check checks checking verify verifies verifying test tests testing vérifier vérifie
check: vérifiez tester teste
choose: choose chooses choosing chose select selects selecting pick picks choisir choisis
choose: choisissez sélectionner
change: change changes changing changed modify modifies modifying alter edit edits editing
change: changer change changez modifier modifie modifiez
speak: speak speaks speaking spoken spoke parlé parlée talk talks talking parler parle parlez
think: think thinks thinking opinion opinions believe penser pense pensez croire crois avis
cook: cook cooks cooking prepare prepares preparing bake baking cuisiner cuisine cuisinez
cook: préparer prépare préparez cuire
recipe: recipe recipes recette recettes
distance: distance far
size: size sizes taille tailles
height: height tall hauteur
weight: weight weigh weighs poids pèse peser
price: price prices cost costs costing pricing prix coût coûts coûte coûter
speed: speed velocity vitesse
temperature: temperature temperatures température températures
boil: boil boils boiling ébullition bout bouillir
melt: melt melts melting fusion fondre fond
freeze: freeze freezes freezing congélation geler gèle
author: author authors wrote auteur auteurs auteure
invent: invent invents invented inventor invention inventer inventé inventeur
discover: discover discovers discovered discovery découvrir découvert découverte
found: found founded founder founders fondé fondateur fondatrice
paint: paint paints painted painter painting peint peindre peintre peinture
president: president presidents président présidente
king: king kings roi rois
queen: queen queens reine reines
located: located situated location lies situé située trouve-t-il trouve-t-elle situe
important: important importance significant essential crucial importante importants
doctor: doctor doctors physician médecin médecins docteur
house: house houses home homes maison maisons
book: book books bouquin
language: language languages langue langues langage langages
program: program programs programme programmes
programming: programming programmation coder
website: website websites site sites webpage
internet: internet web online
computer: computer computers pc laptop laptops ordinateur ordinateurs
password: password passwords passcode
message: message messages msg
plan: plan plans planning planifier planifie planifiez
holiday: holiday holidays vacation vacations vacances
travel: travel travels traveling travelling trip trips visit visits visiting voyage voyages
travel: voyager visiter visite
school: school schools college university universities école écoles université universités
exam: exam exams examination examen examens
study: study studies studying étudier étudie
account: account accounts compte comptes
"""

# One country, its people and its language: "French history" is "the history of France".
PLACES = """
france: france french français française francais
spain: spain spanish espagne espagnol espagnole
germany: germany german germans allemagne allemand allemande
italy: italy italian italians italie italien italienne
uk: uk britain british royaume-uni britannique
england: england english angleterre anglais anglaise
usa: usa us america american americans états-unis américain américaine etats-unis
canada: canada canadian canadien canadienne
brazil: brazil brazilian brésil brésilien brésilienne bresil
peru: peru peruvian pérou péruvien perou
japan: japan japanese japon japonais japonaise
china: china chinese chine chinois chinoise mandarin
india: india indian indians inde indien indienne
russia: russia russian russie russe
kenya: kenya kenyan
norway: norway norwegian norvège norvégien norvégienne norvege
sweden: sweden swedish suède suédois suédoise
denmark: denmark danish danemark danois danoise
finland: finland finnish finlande finlandais
poland: poland polish pologne polonais polonaise
portugal: portugal portuguese portugais portugaise
netherlands: netherlands dutch holland pays-bas néerlandais
belgium: belgium belgian belgique belge
switzerland: switzerland swiss suisse
austria: austria austrian autriche autrichien
greece: greece greek grèce grec grecque
turkey: turkey turkish turquie turc turque
egypt: egypt egyptian égypte égyptien
morocco: morocco moroccan maroc marocain marocaine
algeria: algeria algerian algérie algérien
tunisia: tunisia tunisian tunisie tunisien
nigeria: nigeria nigerian nigérian
senegal: senegal sénégal sénégalais
australia: australia australian australie australien
mexico: mexico mexican mexique mexicain
argentina: argentina argentine argentinian argentin
chile: chile chilean chili chilien
colombia: colombia colombian colombie colombien
korea: korea korean corée coréen
vietnam: vietnam vietnamese vietnamien
thailand: thailand thai thaïlande thaïlandais
indonesia: indonesia indonesian indonésie
pakistan: pakistan pakistani pakistanais
iran: iran iranian iranien persian
iraq: iraq iraqi irak
israel: israel israeli israël hebrew
arabic: arabic arab arabe arabia
ireland: ireland irish irlande irlandais
scotland: scotland scottish écosse écossais
ukraine: ukraine ukrainian ukrainien
europe: europe european eu européen
africa: africa african afrique africain
asia: asia asian asie asiatique
quebec: quebec québec québécois
paris: paris parisian parisien
london: london londres
latin: latin
"""

TECHNOLOGIES = """
python: python py python3
java: java
javascript: javascript js ecmascript
typescript: typescript ts
rust: rust
golang: golang
cpp: c++ cpp
csharp: c# csharp
fsharp: f#
ruby: ruby
php: php
swift: swift
kotlin: kotlin
scala: scala
perl: perl
haskell: haskell
elixir: elixir
julia: julia
lua: lua
matlab: matlab
bash: bash shell zsh
powershell: powershell
sql: sql
mysql: mysql mariadb
postgres: postgres postgresql
sqlite: sqlite
mongodb: mongodb mongo
redis: redis valkey
docker: docker
kubernetes: kubernetes k8s
react: react reactjs
angular: angular angularjs
vue: vue vuejs
django: django
flask: flask
fastapi: fastapi
node: node nodejs
git: git
numpy: numpy
pandas: pandas
pytorch: pytorch torch
tensorflow: tensorflow
linux: linux ubuntu debian
windows: windows
macos: macos osx
android: android
ios: ios iphone iphones
excel: excel
css: css
"""
