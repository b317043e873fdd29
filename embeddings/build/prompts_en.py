"""English prompt patterns by category, written for the build. [a|b|] is a choice, {x} a slot."""
# ruff: noqa: E501

from __future__ import annotations

PATTERNS: dict[str, str] = {
    "code": """
[write|create|make|give me|i need|can you write|build] [a|an efficient|a simple|a short] {lang} [function|script|program|class|module|snippet] [that|which|to] {code_task}
[implement|code|code up|develop] {algo} in {lang}[| with tests| with comments| and explain the code]
how [do i|can i|would you|to] {code_task_base} [in|using|with] {lang}[?|]
[why|any idea why] [does|is] my {lang} [code|script|program] [throw|throwing|raise|giving me] {error}[?|]
[i'm getting|i keep getting|getting] {error} [when i try to|while trying to|when i] {code_task_base}. [how do i fix it?|what's wrong?|help]\n{snippet}
[fix|debug|find the bug in|correct|what's wrong with] [this|the following|my] [code|function|{lang} code|script]:\n{snippet}
[refactor|clean up|optimize|improve|speed up|simplify] [this|the following|my] [code|function|method]:\n{snippet}
[explain|what does|walk me through|comment|document] [this code|the code below|this function]:\n{snippet}
[add|write] [unit tests|tests|type hints|docstrings|error handling|logging] [for|to] [this|the following]:\n{snippet}
[convert|port|rewrite|translate|migrate] [this|the following] {lang} [code|script|function] [to|into|in] {lang}:\n{snippet}
[write|give me|create] [a|an] [sql|postgres|mysql] query [that|to] {sql_task}
[write|create|design] [a|the] {lang} [api|rest api|endpoint|backend|web server|cli tool|crud app] for {app}
[create|build|make] [a|an] [html page|react component|landing page|web app|website|vue component|flutter screen|css layout] for {app}
how [do i|can i|to] [set up|configure|install|deploy|run|connect to|authenticate with|scale|secure] {tool}[?| on ubuntu?| with {tool}?| in production?| behind a proxy?]
[write|create|give me] [a|an example] {config} [for|that deploys|that builds] {app}
what [is|are] the [difference|differences] between {tech} and {tech} in {lang}?
[what is|explain] the [time complexity|space complexity|big o] of [this|{algo}][?|:\n{snippet}]
[design|create] [a|the] [database schema|data model|class diagram|system architecture|microservice architecture] for {app}
[review|critique] [this|my] [pull request|code|implementation|diff]:\n{snippet}
i have a {lang} [project|app|codebase|service] [that|which] {code_task_s}. [how should i structure it?|how can i make it faster?|the tests fail, help|how do i test it?]
[write|give me] a [regex|regular expression] [that matches|to match|to validate|for] {regex_task}
{snippet}
{snippet}\n[why does this fail?|what is the output?|make it faster|this returns the wrong result|complete the function|add a docstring]
complete [this|the] function:\n{stub}
{stub}
[bash|shell|powershell] [command|one liner|script] to {shell_task}
how to {shell_task} [from the command line|in linux|with bash|in powershell][?|]
[excel|google sheets] formula to {sheet_task}
[in|using] {lang}, {code_task_base}[. show the code.|. only code please.|]
you are [a senior developer|an expert {lang} programmer|a software engineer]. {code_task_base} [in|using] {lang}.
[best practice|best way|right way] to {code_task_base} in {lang}?
[my|the] {tool} [container|pod|build|pipeline|service|server] [keeps crashing|fails|won't start|is slow|returns 502], [logs below|what should i check?|how do i debug this?]
[write|implement] [a|an] {game} [game|clone|] in {lang}
[train|build|implement|fine-tune] a {ml} [model|classifier|network] [in pytorch|with sklearn|using tensorflow|in keras] [on|for] {dataset}
how does {tech} work in {lang}[? show an example|?]
merge two branches with conflicts in git, [how?|what are the commands?]
write [a|the] [dockerfile|makefile|github action|ansible playbook|terraform module|helm chart] for {app}
can you write the code for {app} using {tool} and {lang}[?|, with a readme?|, step by step?]
[simulate|plot|visualize|scrape|parse] {data_thing} [with|using|in] {lang}[, give the full code|]
""",
    "reasoning": """
{word_problem}
{word_problem} [show your work.|explain step by step.|think step by step.|what is the answer?]
[solve|solve for x|find x|find all real solutions of]: {equation}
[solve|compute|evaluate|calculate|find|work out] {math_expr}
[prove|show|demonstrate] that {theorem}
[find|compute|determine] the [derivative|integral|limit|inverse|determinant|eigenvalues|roots|area|volume|perimeter|maximum] of {math_object}
what is the probability [of|that] {prob_event}?
how many [ways|different ways] [can|are there to] {comb_event}?
{logic_puzzle}
[solve this riddle|here is a riddle|brain teaser|logic puzzle]: {riddle}
{riddle}
if {premise} and {premise}, [can we conclude that|does it follow that|is it true that] {premise}?
[you have|i have|suppose you have|given] {resource}. [what is the best way to|how should i|find the optimal way to] {optimise}? [justify each step.|explain your reasoning.|]
[plan|schedule|find the optimal plan for|work out a schedule for] {plan_task} [given|with|under] [a budget of {n}|{n} hours|these constraints|{n} workers], [and justify it|minimizing total cost|step by step|]
{n} [workers|machines|taps|pipes|painters] [can finish|finish|fill|paint] a [job|tank|wall] in {n} [hours|days|minutes]. how long [would|will] {n} [take|need]?
[a train|a car|a cyclist|a boat] [travels|covers|goes] {n} [km|miles] in {n} [hours|minutes]. [what is its average speed?|how far does it go in {n} hours?]
what is the next number in the sequence {n}, {n}, {n}, {n}?
[what comes next|complete the pattern|find the missing term]: {n}, {n}, {n}, ?
[convert|express] {n} [km to miles|fahrenheit to celsius|to binary|to a fraction|square feet to square meters] and [show the steps|explain]
what is {n} [times|plus|minus|divided by|percent of|mod|to the power of] {n}?
[use induction to show|give a rigorous proof|derive from first principles] [that|] {theorem}
[decide|figure out|reason about] which option is better [mathematically|given the numbers|under uncertainty]: {option} or {option}?
in a [group|class|room|survey] of {n} people, {n} [like tea|speak french|own a dog|play chess] and {n} [like coffee|speak german|own a cat|play go]; how many [do both|do neither]?
[at what time do|when will] two trains [leaving|that leave] {city} and {city} [meet|cross] if they go at {n} and {n} km/h?
""",
    "analysis": """
[analyze|analyse|examine|critically analyze|provide an analysis of] {analysis_object}
[analyze|examine|assess|evaluate] the [impact|effects|implications|consequences|causes|risks] of {topic} on {topic}
[compare|compare and contrast] {topic} [and|with|versus] {topic}[ in terms of cost and risk| for a small company|, with a conclusion|]
what are the [pros and cons|advantages and disadvantages|strengths and weaknesses|trade-offs|risks and benefits] of {topic}[?| for {audience}?]
[do|perform|give me|write] a [swot analysis|root cause analysis|cost-benefit analysis|risk assessment|gap analysis|competitive analysis|pestel analysis] [of|for|on] {business}
[interpret|analyze|what can we learn from|what insights do you see in|what trends do you see in] [this data|these figures|these results|these sales numbers|this survey]: {figures}
[evaluate|assess|critique|review] [this|the following|my] [argument|business plan|strategy|proposal|essay|research design|pitch]: {passage}
[discuss|weigh|debate] [both sides of|the arguments for and against|the ethics of] {topic}
[give|provide] [insights|an in-depth analysis|a critical assessment|a detailed evaluation] [into|of|on] {topic}
should [we|a company|our team|a startup|the government] {decision}? [analyze the options|weigh the trade-offs|give a recommendation with reasons]
[how|to what extent] [has|does|did] {topic} [affected|shape|influenced|changed] {topic}? [support your argument with evidence|]
[which|what] is the better [investment|strategy|approach|choice] for {audience}, {topic} or {topic}, and why? [compare them on several criteria|]
[identify|what are] the [main themes|key factors|main drivers|assumptions|biases|weak points] [in|of|behind] {analysis_object}
""",
    "summarization": """
[summarize|summarise|sum up|recap|condense] [this|the following|the text below|this article|this email|this report|this passage|the meeting notes][ in {few} sentences| in {few} bullet points| briefly| for a busy executive|]:\n{passage}
[give me|write|provide|produce|i need] [a|the] [short|brief|one-paragraph|quick|concise|] [summary|recap|overview|synopsis|abstract|digest] of [this|the following|the text]:\n{passage}
[tldr|tl;dr|tldr please|tl;dr:]\n{passage}
{passage}\n\n[tl;dr|tldr|summarize this|summary please|sum this up in one line|shorten this|give me the gist]
what [is|are] the [main points|key takeaways|main idea|gist|essential points|key findings|highlights] of [this|the following] [text|article|passage|email|thread|paper]?\n{passage}
[shorten|cut down|boil down|reduce|abridge|compress] [this|the text below|the following] to [{few} sentences|{n} words|half its length|the essentials]:\n{passage}
[can you|could you|please] [summarize|recap|sum up] [what was said|the discussion|the thread|chapter {few}|the video|the call|the plot] [for me|in plain words|so i can catch up|][?|]: {passage}
[explain|tell me] [the following|this text] in [one sentence|a nutshell|two lines|simple short form]: {passage}
[extract|list|pull out] the [key points|main ideas|essentials|takeaways] [from|of] [this|the following]:\n{passage}
[turn|make] [this|these notes|the minutes] into [an executive summary|a summary|{few} bullet points|a short abstract]:\n{passage}
write an abstract [for|of] [this|the following] [paper|document|report]: {passage}
[i don't have time to read this|too long, didn't read], [what does it say|what is it about|give me the short version]?\n{passage}
summary of {book}[?|, short| in {few} points]
""",
    "translation": """
translate [this|the following|the text below|this sentence|this email|my message] [into|to] {human}[|, keeping the tone|, formal]:\n{passage}
[translate|traduce] "{short_passage}" [to|into|in] {human}[|.]
how [do you|do i|would you|would i|can i|to|does one] say "{phrase}" in {human}[?|]
how [do you|do i|would i] say {phrase} in {human}
what [is|'s] [the {human} word for|the {human} for|{phrase} called in {human}]{maybe_phrase}[?|]
what does "{foreign}" mean in english[?|]
[give me|provide|write] [the|a] {human} [version|translation|rendering] of [this|the following|the paragraph]:\n{passage}
[render|put|rewrite] [this|the following] [in|into] {human}: {passage}
{human} translation [of|for] "{short_passage}"[?| please]
[please|can you|could you|i need you to] translate [from {human} to {human}|into {human}|this to {human} for me]: {passage}
{passage}\n[translate to {human}|in {human} please|what does this say in {human}?|translate the above into {human}]
[act as|you are] [a|an|my] [translator|interpreter|{human} translator]. [translate everything i write into {human}|translate this]: {passage}
[localize|adapt] [this|the following] [slogan|string|ui text|menu] for [{human} speakers|the {human} market]: {short_passage}
[is this|check whether this is] a correct {human} translation: {foreign}
how would [a native|someone from paris|people in berlin] say "{phrase}" in {human}?
{phrase} in {human}[?|]
""",
    "classification": """
[classify|categorize|label|tag|sort] [this|the following|each] [text|review|email|ticket|comment|tweet|message|sentence|headline|document] [as|into] {labels}:\n{passage}
[what is|determine|detect|identify|predict|rate] the [sentiment|tone|emotion|polarity|intent|mood|stance] of [this|the following] [review|tweet|comment|message|sentence][|: positive, negative or neutral][?|:]\n{passage}
[is|decide if|determine whether|tell me if] [this|the following] [email|message|comment|review|post] [is|] [spam|toxic|sarcastic|offensive|phishing|fake|positive|negative|hateful|a complaint|urgent] or [not|ham|genuine|neutral|a question]? {passage}
[which|what] [category|class|label|topic|department|genre] does [this|the following] [ticket|article|message|product|text|request] [belong to|fall under|fit in]? [options: {labels}.|choose from {labels}.|] {passage}
[assign|give|pick|choose] [one|a|the right|the best] [label|category|tag|class|priority] [to|for] [this|the following] [message|ticket|item|text] [from|among]: {labels}. {passage}
[given|with] the [labels|categories] {labels}, [classify|which one fits|label] [this|]: {passage}
{passage}\n[positive or negative?|sentiment?|spam or not spam?|which category: {labels}?|label:|is this toxic? answer yes or no|category:]
[label|tag|mark] [each|every] [line|review|row|sentence] [with|as] {labels}:\n{passage}
[answer|reply|respond] [with|only with] [one label|yes or no|true or false|a single word]: is [this|the text] {adjective_label}? {passage}
[triage|route] this [support ticket|request|email] to [billing, sales or support|the right team|one of {labels}]: {passage}
[rate|score] the [urgency|priority|toxicity|severity|sentiment] of this [ticket|bug report|comment|review] [as low, medium or high|from 1 to 5]: {passage}
[is the author|does the writer sound] [angry|happy|sad|neutral|sarcastic] in [this|the following] [text|post]? {passage}
[what language is this|what kind of text is this|what genre is this], [{labels}|pick one]? {passage}
""",
    "extraction": """
[extract|pull|pull out|get|retrieve|collect] [all|all the|every|the] [names|dates|email addresses|phone numbers|locations|companies|people|prices|amounts|entities|keywords|urls|invoice numbers|addresses|ingredients] [from|in|mentioned in] [this|the following|the text below|the passage|the email]:\n{passage}
[extract|parse|turn|convert] [this|the following] [text|invoice|resume|email|report|receipt] [as|into|to] [json|a table|csv|yaml|structured data|key-value pairs] [with fields name, date and amount|with the keys title and author|]:\n{passage}
[list|find|identify|name|highlight|spot] [every|all|all the] [person|company|organization|date|place|product|number|country|email] [mentioned|named|that appears|cited] [below|in the text|in the article|in this passage]:\n{passage}
[who|which people|which companies|what dates|which cities|what amounts] [are|is] mentioned in [this|the following] [text|article|paragraph|email]? {passage}
[from|based on|using|given] the [text|paragraph|passage|article] below, [return|give|list|fill in|output] [the name and the date|a json object|a table of products and prices|only the phone numbers|the answer span]:\n{passage}
{passage}\n[extract the names|list all dates|return as json|which companies are mentioned?|give me the phone numbers only|find the email addresses]
[do|perform|run] [named entity recognition|ner|entity extraction|keyword extraction] on [this|the following]: {passage}
[fill|populate] [this form|these fields|the template] [from|with data from] [the text|the email]: name, date, amount.\n{passage}
[what is|find|give me] the [order number|total amount|due date|sender|recipient|deadline|address] [in|from|of] [this|the following] [email|invoice|letter|contract]: {passage}
[count|identify] how many times [each|a|the] [unique|] [letter|word|name] [appears|occurs] in [this|the following] [text|string|paragraph]: {passage}
[given|read] the following [data|records|report], [identify|find|output] the [highest|lowest|closing|first] [price|value|date|name] for each [company|month|row|year], [in csv|as a table|as json]: {passage}
""",
    "creative": """
[write|compose|create|craft|make up|tell me] [a|a short|a funny|a sad|a long|an original] [story|poem|fairy tale|haiku|limerick|sonnet|song|ballad|fable|monologue|scene|screenplay|rap|children's story|science fiction story|horror story] about {story_topic}[| in the style of {author}| for children| with a twist ending| in {n} words|]
[write|draft|compose|create|help me write] [a|an|me a] [email|polite email|cover letter|speech|blog post|travel blog post|linkedin post|tweet|press release|newsletter|love letter|product description|toast|persuasive essay|resignation letter|complaint letter|invitation|thank-you note|advertisement|essay|job ad] [about|for|on|to my boss about|announcing] {write_topic}
[give me|suggest|come up with|brainstorm|invent|think of] [{few}|a list of|some|ten] [names|slogans|taglines|titles|ideas|domain names|catchy headlines|plot ideas|party themes|metaphors] for {app}
[continue|finish|write the next chapter of|write an ending for] [this|the|my] story: {story_start}
[write|create] a dialogue between {character} and {character}[| about {story_topic}]
[imagine|describe] [you are|a world where|a character who|a planet where|a day in the life of] {story_premise}
[rewrite|rephrase|paraphrase|edit|polish|improve|proofread|make] [this|the following|my] [paragraph|text|email|essay|sentence|letter] [to sound more professional|in the style of {author}|more engaging|with better flow|in a friendlier tone|and fix the grammar]: {passage}
[pretend|act as if|imagine|assume] [you are|to be|you were] {character}[.|,] [tell us about your day|answer my questions in character|describe your plans|introduce yourself|what would you say about {story_topic}?]
[roleplay|let's roleplay|take on the role of|embody|speak like] {character}[.|:] [{story_topic}|stay in character|describe what you see|]
once upon a time[, {story_start}|] [continue the story|finish it|]
[write|compose] [lyrics|a song|a chorus|a jingle] [about|for] {story_topic}[| in the style of {author}|]
[write|give] [a vivid|a detailed|a poetic] description of {story_topic}
[write|create] [an|a] [outline|plot|character profile|backstory|world|script] for [a|my] [fantasy novel|thriller|short film|podcast|video game|d&d campaign|youtube video]
[i need|looking for] [a catchy|a funny|a clever] [caption|bio|slogan|pun|title|birthday message] for {app}
[come up with|invent] a [joke|riddle|pun|nursery rhyme|bedtime story] about {story_topic}
""",
    "conversation": """
[hi|hello|hey|hey there|hiya|good morning|good evening|yo|howdy|greetings][|!|,| there] [how are you|how's it going|what's up|how are you doing today|nice to meet you|how was your day|you there|]
[thanks|thank you|thx|many thanks|cheers|ok thanks|great, thanks|perfect, thank you][|!| so much| for your help| that helped| a lot]
[bye|goodbye|see you|see you later|good night|talk to you later|have a good day|i have to go now][|!|.]
[who are you|what are you|what's your name|are you human|are you a robot|who made you|how old are you|where do you live|do you have feelings|do you sleep|what do you do for fun|are you real|who created you|what can you do|what's your favorite {fav}|do you like {fav}][?|]
i [feel|am|'m] [so|really|a bit|very|] [sad|lonely|happy|tired|bored|stressed|anxious|excited|depressed|nervous|overwhelmed] [today|tonight|lately|right now|because of work|about tomorrow|]
[tell me|do you know|got] [a joke|another joke|something funny|a fun fact|something interesting|about yourself|a secret|a story about you][?| please|]
[yes|no|ok|sure|maybe|i see|got it|makes sense|cool|nice|lol|haha|great|awesome|interesting|never mind|go on|sounds good][|!|, thanks|, tell me more]
[i had|we had] [a great|a terrible|a long|a weird] [day|week|weekend|meeting|argument with {friend}][|, what should i do?|, can we talk?|. anyway how are you?]
[let's|can we|i want to|i'd like to|i just want to] [chat|talk|talk about my day|have a conversation|talk about {fav}|vent a little|play a game]
[i love|i hate|i miss|i'm thinking about] [my {friend}|you|{fav}|my job|mondays]
[what do you think about|do you like|have you ever tried|what's your opinion on] {fav}[?|]
my {friend} [doesn't talk to me anymore|left me|got a new job|is angry with me|and i had a fight][|, i don't know what to do|, i'm sad]
[good job|well done|you're funny|you are smart|you're wrong|i don't believe you|that's not what i asked|you're the best|sorry|my bad][|!]
[what should i|what do i] [do today|eat tonight|watch tonight|wear|get my {friend} for their birthday][?|]
[flip a coin|roll a dice|pick a number between 1 and 10|are you there|can you hear me|say hello to my {friend}|wish me luck|sing me something]
[i'm|i am] [from {city}|{n} years old|a teacher|new here|learning guitar|{name}, nice to meet you|back]
""",
    "web_search": """
[what's|what is|how's|tell me|check] the [weather|forecast|temperature] [like|] [in|for] {city} [today|tomorrow|tonight|this weekend|right now|next week|][?|]
[will it|is it going to] [rain|snow|be sunny|be hot] [in {city}|] [today|tomorrow|this weekend|on friday][?|]
[latest|recent|breaking|today's|newest] [news|headlines|updates|developments] [on|about|from|regarding] {news_topic}[| please]
what [is|are|'s] the [latest|newest|current|most recent] [news|version|price|update|status|ranking|score|model|release] [of|on|about|for] {news_topic}[?|]
[current|live|today's] [price|stock price|share price|exchange rate|value|market cap] of {stock}[?| in euros| today|]
how much [is|does] {stock} [worth|trading at|cost] [today|now|right now|these days][?|]
who [won|is winning|is leading|scored in] [the|yesterday's|last night's|the latest] [game|match|election|race|oscars|world cup|super bowl|grand prix][?| last night?| yesterday?]
[search|search the web|google|look up|find|look online|browse] [for|] [recent articles about|reviews of|information on|studies about|the website of|the best] {news_topic}[| with sources| and give me links| and cite them|]
[find|show me|recommend|search] [a|an|some|good|cheap] [restaurants|hotels|flights|coffee shops|pharmacies|concerts|events|jobs|apartments|tickets] [near me|in {city}|to {city}|around {city}] [tonight|this weekend|open now|for next month|under {n} euros|]
[what time|when] does the [museum|store|pharmacy|post office|library|supermarket|bank] [in {city}|near me|] [open|close] [today|tomorrow|on sunday|][?|]
what [happened|is happening] [in|with|to|at] {news_topic} [today|this week|recently|yesterday|this year][?|]
[is|are] [there any|] [flights|trains|roads|schools] [delayed|cancelled|closed] [today|in {city}|right now][?|]
who is the [current|new|present] [president|ceo|prime minister|mayor|champion|coach] of {org}[?| now?]
[what movies are|what's] [playing|on tv|showing|on netflix] [tonight|this weekend|near me|in {city}][?|]
how many [dollars|euros|pounds|yen] [is|are|can i get for] {n} [euros|dollars|pounds|pesos] [today|right now|at the current rate|][?|]
[how's|how is|check] [the traffic|my flight|the train] [to|from] {city} [right now|today|this morning][?|]
[when|what day] is the next [election|eclipse|iphone release|game|concert in {city}|season of the show|public holiday][?|]
[reviews|opening hours|phone number|address|website|release date|schedule|standings|results] [of|for] {news_topic}[?| 2026|]
[what are people saying|what's trending|what's new] [about|on|in] {news_topic} [this week|today|right now|][?|]
[book|find] me a [flight|train|hotel|table] [to|in|from] {city} [for|on] [tomorrow|friday|the 12th|next week]
""",
    "qa": """
what [is|are|was|were|exactly is] {concept}[?|]
[explain|describe|tell me about|define] {concept}[| to a child| simply| in simple terms| like i'm five| to a beginner| briefly|]
what [does|do] {concept} mean[?|]
who [was|is|discovered|invented|wrote|painted|founded|composed] {entity}[?|]
[when|where|in what year] [was|did|is] {event_fact}[?|]
[why|how] [do|does|is|are|did] {why_fact}[?|]
what [is the|was the] [capital|population|largest city|currency|official language|highest mountain] of {country}[?|]
what is the difference between {concept} and {concept}[?|]
how does {concept} work[?|]
which [planet|country|element|animal|river|organ|king|metal|novel|treaty] {which_fact}[?|]
how [many|long|tall|far|old|big|fast] {quant_fact}[?|]
[give me|provide] [an|a] [overview|introduction|explanation|definition|example] [of|to] {concept}[|.]
{mc_question}
[i'd like to know|i want to understand|i'm curious about|teach me about|help me understand] {concept}[|.|, what are the basics?]
[in the field of|in] {field}, what [is|are] {concept}[, and what are the implications|][?|]
[what are|list|name] [the main|some|three|five] [types|causes|symptoms|uses|examples|stages|components|properties] of {concept}[?|]
is it [true|possible|safe|legal|healthy] [that|to] {true_fact}[?|]
[what's|what is] the [best|right|proper] way to {howto}[?|]
how [do i|can i|do you|to|should i] {howto}[?|]
[discuss|outline|describe] the [history|structure|role|importance|principles|origin] of {concept}[|.]
[fill in the blank|true or false|choose the correct answer]: {statement_fact}
according to {theory}, {mc_stem}
[do|does|can|is|are] {yesno_fact}[?|]
""",
}
