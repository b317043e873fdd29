"""Names with their several spellings, English and French: places and technologies.

Lines of `concept: spelling spelling ...`.
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

# Of these what is the language, where it stands behind "in".
LANGUAGES = """
french français francais spanish espagnol german allemand italian italien english anglais
portuguese portugais dutch néerlandais russian russe japanese japonais chinese chinois mandarin
korean coréen vietnamese vietnamien thai polish polonais swedish suédois norwegian norvégien danish
danois finnish finlandais greek grec turkish turc arabic arabe hebrew persian ukrainian ukrainien
irish irlandais scottish latin hindi
"""

# With a small letter no name: the amazon of legend, an orange to eat.
COMMON = """
amazon apple apples corona dove gap jaguar mercury meta mustang orange phoenix polish puma subway
target tesla turkey
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
bash: bash
zsh: zsh
shell: shell
powershell: powershell
sql: sql
mysql: mysql
mariadb: mariadb
postgres: postgres postgresql
sqlite: sqlite
mongodb: mongodb mongo
redis: redis
valkey: valkey
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
linux: linux
ubuntu: ubuntu
debian: debian
fedora: fedora
windows: windows
macos: macos osx
android: android
ios: ios
iphone: iphone iphones
excel: excel
css: css
"""
