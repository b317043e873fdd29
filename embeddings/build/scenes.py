"""Plain sentences of everyday life and news, written for the build, English beside French.

The clean sources are technical or old; these lists supply people, animals, things, places and
simple events. Each list holds pairs, so the two languages get the same meanings.
"""
# ruff: noqa: E501

from __future__ import annotations

import random

WHO = """a man|un homme;a woman|une femme;a boy|un garçon;a girl|une fille;a child|un enfant;a baby|un bébé;
two men|deux hommes;two women|deux femmes;three children|trois enfants;some people|des gens;a group of people|un groupe de personnes;
a young couple|un jeune couple;an old man|un vieil homme;an old lady|une vieille dame;a little girl|une petite fille;
a dog|un chien;a brown dog|un chien brun;a black and white dog|un chien noir et blanc;a cat|un chat;a kitten|un chaton;a horse|un cheval;
a white horse|un cheval blanc;a bird|un oiseau;a monkey|un singe;a tiger|un tigre;an elephant|un éléphant;a panda|un panda;a cow|une vache;a sheep|un mouton;
a rabbit|un lapin;a duck|un canard;a lion|un lion;a squirrel|un écureuil;a chef|un chef cuisinier;a doctor|un médecin;a nurse|une infirmière;
a teacher|un professeur;the students|les étudiants;a student|un étudiant;a soldier|un soldat;a police officer|un policier;a firefighter|un pompier;
a musician|un musicien;a singer|un chanteur;a dancer|un danseur;a football player|un joueur de football;a team|une équipe;
my neighbour|mon voisin;my mother|ma mère;his father|son père;her brother|son frère;a tourist|un touriste;a farmer|un agriculteur;
a driver|un conducteur;a cyclist|un cycliste;a fisherman|un pêcheur;the audience|le public;a customer|un client;a waiter|un serveur"""

DOES = """is playing the guitar|joue de la guitare;is playing the piano|joue du piano;is playing the flute|joue de la flûte;is playing the violin|joue du violon;
is playing football|joue au football;is playing basketball|joue au basket;is playing chess|joue aux échecs;is playing cards|joue aux cartes;is playing with a ball|joue avec un ballon;
is playing with a toy|joue avec un jouet;is running|court;is running across a field|court à travers un champ;is walking down the street|marche dans la rue;
is walking a dog|promène un chien;is riding a bicycle|fait du vélo;is riding a horse|monte à cheval;is riding a motorcycle|conduit une moto;is driving a car|conduit une voiture;
is driving a truck|conduit un camion;is cutting an onion|coupe un oignon;is slicing a tomato|tranche une tomate;is chopping vegetables|hache des légumes;is peeling a potato|épluche une pomme de terre;
is peeling shrimp|décortique des crevettes;is cooking dinner|prépare le dîner;is frying an egg|fait frire un œuf;is boiling water|fait bouillir de l'eau;is mixing ingredients in a bowl|mélange des ingrédients dans un bol;
is pouring oil into a pan|verse de l'huile dans une poêle;is adding salt to the soup|ajoute du sel à la soupe;is eating an apple|mange une pomme;is eating pizza|mange de la pizza;is eating grass|mange de l'herbe;
is drinking water|boit de l'eau;is drinking coffee|boit du café;is drinking milk|boit du lait;is sleeping on the sofa|dort sur le canapé;is sleeping|dort;is lying on the grass|est allongé sur l'herbe;
is sitting on a bench|est assis sur un banc;is sitting at a table|est assis à une table;is standing in front of a building|se tient devant un bâtiment;is standing in the snow|se tient dans la neige;
is swimming in the pool|nage dans la piscine;is swimming under water|nage sous l'eau;is diving into the water|plonge dans l'eau;is surfing a wave|surfe sur une vague;is jumping over a fence|saute par-dessus une clôture;
is jumping into a lake|saute dans un lac;is climbing a tree|grimpe à un arbre;is climbing a rope|grimpe à une corde;is climbing a mountain|escalade une montagne;is dancing|danse;is dancing on stage|danse sur scène;
is singing a song|chante une chanson;is singing into a microphone|chante dans un micro;is talking on the phone|parle au téléphone;is talking to a friend|parle à un ami;is laughing|rit;is crying|pleure;is smiling|sourit;
is reading a book|lit un livre;is reading a newspaper|lit un journal;is writing a letter|écrit une lettre;is drawing a picture|dessine une image;is painting a wall|peint un mur;is taking a photo|prend une photo;
is watching television|regarde la télévision;is looking out of the window|regarde par la fenêtre;is looking at the sea|regarde la mer;is opening a door|ouvre une porte;is closing the window|ferme la fenêtre;
is putting on makeup|se maquille;is combing her hair|se coiffe;is brushing his teeth|se brosse les dents;is washing the dishes|fait la vaisselle;is cleaning the kitchen|nettoie la cuisine;is folding paper|plie du papier;
is typing on a keyboard|tape sur un clavier;is repairing a bicycle|répare un vélo;is building a house|construit une maison;is carrying a bag|porte un sac;is holding a child|tient un enfant;is feeding a bird|nourrit un oiseau;
is throwing a ball|lance une balle;is catching a fish|attrape un poisson;is kicking a ball|tape dans un ballon;is shooting a gun|tire avec un pistolet;is lifting weights|soulève des poids;is doing exercises|fait des exercices;
is skating|patine;is skiing down a slope|descend une pente à ski;is flying a kite|fait voler un cerf-volant;is chasing a cat|poursuit un chat;is fighting|se bat;is wrestling|fait de la lutte;is boxing|boxe;
is waiting for the bus|attend le bus;is buying bread|achète du pain;is selling flowers|vend des fleurs;is planting a tree|plante un arbre;is picking apples|cueille des pommes;is crossing the road|traverse la route;
is wearing a red hat|porte un chapeau rouge;is wearing a blue shirt|porte une chemise bleue;is pushing a cart|pousse un chariot;is pulling a sled|tire un traîneau;is speaking to a crowd|parle à une foule;is applying for a job|postule à un emploi"""

WHERE = """in the park|dans le parc;on the beach|sur la plage;in the kitchen|dans la cuisine;in the street|dans la rue;at home|à la maison;in a garden|dans un jardin;on the grass|sur l'herbe;in the snow|dans la neige;
in the rain|sous la pluie;near a river|près d'une rivière;on a boat|sur un bateau;in the forest|dans la forêt;at school|à l'école;at the office|au bureau;in a restaurant|dans un restaurant;on the train|dans le train;at night|la nuit;
in the morning|le matin;on stage|sur scène;in a field|dans un champ;outside|dehors;indoors|à l'intérieur;in front of a house|devant une maison;on the roof|sur le toit;in the city|en ville;at the airport|à l'aéroport"""

ACTOR = """the government|le gouvernement;the president|le président;the prime minister|le premier ministre;the company|l'entreprise;the bank|la banque;the court|le tribunal;the police|la police;the army|l'armée;
the European Union|l'Union européenne;the United Nations|les Nations unies;a spokesman|un porte-parole;the opposition|l'opposition;the workers|les travailleurs;the union|le syndicat;the researchers|les chercheurs;
the hospital|l'hôpital;the airline|la compagnie aérienne;the mayor|le maire;the minister of finance|le ministre des finances;the rebels|les rebelles;the protesters|les manifestants;the central bank|la banque centrale;
the car maker|le constructeur automobile;the software company|l'éditeur de logiciels;the judge|le juge;the senator|le sénateur;the team captain|le capitaine de l'équipe;officials|des responsables;investors|les investisseurs;
Russia|la Russie;China|la Chine;France|la France;Germany|l'Allemagne;India|l'Inde;Iran|l'Iran;Israel|Israël;Egypt|l'Égypte;Syria|la Syrie;Ukraine|l'Ukraine;the United States|les États-Unis;Japan|le Japon;Brazil|le Brésil"""

EVENT = """announced new measures|a annoncé de nouvelles mesures;signed a trade agreement|a signé un accord commercial;rejected the proposal|a rejeté la proposition;voted for the law|a voté la loi;condemned the attack|a condamné l'attaque;
called for peace talks|a appelé à des pourparlers de paix;launched an investigation|a ouvert une enquête;raised interest rates|a relevé les taux d'intérêt;cut interest rates|a baissé les taux d'intérêt;reported a loss|a annoncé une perte;
reported record profits|a annoncé des bénéfices records;won the election|a remporté l'élection;lost the election|a perdu l'élection;resigned on Monday|a démissionné lundi;arrested three suspects|a arrêté trois suspects;
shot two people|a abattu deux personnes;killed at least ten people|a tué au moins dix personnes;freed the hostages|a libéré les otages;denied the accusations|a nié les accusations;agreed to a ceasefire|a accepté un cessez-le-feu;
closed the border|a fermé la frontière;sent troops to the region|a envoyé des troupes dans la région;tested a missile|a testé un missile;imposed sanctions|a imposé des sanctions;lifted the ban|a levé l'interdiction;
sued the company for fraud|a poursuivi l'entreprise pour fraude;bought a rival for two billion dollars|a racheté un concurrent pour deux milliards de dollars;laid off thousands of employees|a licencié des milliers d'employés;
recalled faulty vehicles|a rappelé des véhicules défectueux;discovered a new planet|a découvert une nouvelle planète;found a treatment for cancer|a trouvé un traitement contre le cancer;won the final match|a gagné la finale;
warned of heavy flooding|a mis en garde contre de fortes inondations;reported a strong earthquake|a signalé un fort tremblement de terre;asked for help after the storm|a demandé de l'aide après la tempête;went on strike|s'est mis en grève;
postponed the meeting until Friday|a reporté la réunion à vendredi;released a new version of the software|a publié une nouvelle version du logiciel;sentenced the man to five years in prison|a condamné l'homme à cinq ans de prison;
will meet next week in Geneva|se réunira la semaine prochaine à Genève;said shares fell three percent|a déclaré que les actions ont chuté de trois pour cent;said sales rose in the first quarter|a déclaré que les ventes ont augmenté au premier trimestre"""

OPINION = """I think that's a good idea|je pense que c'est une bonne idée;I do not agree with you|je ne suis pas d'accord avec toi;it depends on what you want to do|cela dépend de ce que vous voulez faire;
you should ask your doctor first|vous devriez d'abord demander à votre médecin;there is no simple answer|il n'y a pas de réponse simple;it is not necessary to do this|il n'est pas nécessaire de faire cela;
you can use any kind of oil|vous pouvez utiliser n'importe quelle huile;I had the same problem last year|j'ai eu le même problème l'année dernière;there is nothing wrong with that|il n'y a rien de mal à cela;
the short answer is no|la réponse courte est non;yes, you can do it yourself|oui, vous pouvez le faire vous-même;it is very important to be honest|il est très important d'être honnête;
I would recommend a different approach|je recommanderais une autre approche;the best way is to practice every day|le meilleur moyen est de pratiquer tous les jours;do not worry about it|ne vous inquiétez pas;
it was the worst film I have ever seen|c'était le pire film que j'aie jamais vu;the food was delicious and the staff were friendly|la nourriture était délicieuse et le personnel sympathique;
my order arrived late and broken|ma commande est arrivée en retard et cassée;the battery does not last long|la batterie ne dure pas longtemps;I love this phone|j'adore ce téléphone;this book changed my life|ce livre a changé ma vie;
the hotel was clean but noisy|l'hôtel était propre mais bruyant;we waited for more than an hour|nous avons attendu plus d'une heure;it is cheaper than the other one|c'est moins cher que l'autre;I forgot my password|j'ai oublié mon mot de passe;
the meeting is at nine tomorrow|la réunion est à neuf heures demain;please call me back this evening|merci de me rappeler ce soir;how much does it cost to live here|combien coûte la vie ici;what should I wear to a wedding|que dois-je porter à un mariage;
the train leaves in ten minutes|le train part dans dix minutes;she was born in a small village|elle est née dans un petit village;he moved to London three years ago|il a déménagé à Londres il y a trois ans;
the price of bread has doubled|le prix du pain a doublé;it has been raining for three days|il pleut depuis trois jours;the war ended in 1945|la guerre s'est terminée en 1945;the earth turns around the sun|la terre tourne autour du soleil;
water boils at one hundred degrees|l'eau bout à cent degrés;plants need light and water to grow|les plantes ont besoin de lumière et d'eau pour pousser;the heart pumps blood through the body|le cœur pompe le sang dans le corps"""


def pairs_of(block: str) -> list[tuple[str, str]]:
    """(English, French) for each entry of a list."""
    rows = (row.strip().split("|") for row in block.replace("\n", "").split(";"))
    return [(row[0].strip(), row[1].strip()) for row in rows]


def write_scenes(count: int, seed: int = 11) -> list[str]:
    """`count` sentences, half English and half French, mostly the same meanings twice."""
    rng = random.Random(seed)
    who, does, where = pairs_of(WHO), pairs_of(DOES), pairs_of(WHERE)
    actor, event, opinion = pairs_of(ACTOR), pairs_of(EVENT), pairs_of(OPINION)
    found: list[str] = [text for pair in opinion + event + does for text in pair]
    while len(found) < count:
        kind = rng.random()
        if kind < 0.45:
            parts = [rng.choice(who), rng.choice(does)]
            if rng.random() < 0.4:
                parts.append(rng.choice(where))
        elif kind < 0.8:
            parts = [rng.choice(actor), rng.choice(event)]
        else:
            parts = [rng.choice(opinion)]
            if rng.random() < 0.5:
                parts.append(rng.choice(opinion))
        joint = ", " if kind >= 0.8 else " "
        for language in (0, 1):
            text = joint.join(part[language] for part in parts)
            found.append(text[0].upper() + text[1:] + rng.choice([".", ".", ""]))
    return found[:count]
