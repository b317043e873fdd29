/* The tokens of an ASCII text, and its gist, compiled: see tokens.py, whose plain forms do the same
 * and say what each is. Only the stable ABI is used: one build serves every Python from 3.11 on.
 */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define LONG 40          /* characters; a longer token is looked up each time, */
#define FIGURES 4        /* and so is one of more figures */
#define MOST 16384       /* tokens remembered; beyond it all are forgotten */
#define PROBES 16        /* places where a token may be; one that finds none is not remembered */
#define FEW 64           /* tokens of a text that need no memory of their own */

enum { DIGIT = 1, LETTER = 2, WORD = 4, SIGN = 8 };

static unsigned char kind_of[256];

static void name_kinds(void) {
    for (int c = '0'; c <= '9'; c++) kind_of[c] = DIGIT | WORD;
    for (int c = 'a'; c <= 'z'; c++) kind_of[c] = kind_of[c - 'a' + 'A'] = LETTER | WORD;
    kind_of['_'] = WORD;
    kind_of['%'] = kind_of['$'] = kind_of[','] = SIGN;
}

#define IS(at, kinds) ((at) < end && kind_of[*(at)] & (kinds))

static const unsigned char *run(const unsigned char *at, const unsigned char *end, int kinds) {
    while (IS(at, kinds)) at++;
    return at;
}

/* Where an ordinal's letters end that begin here and end a word; NULL where there are none. */
static const unsigned char *ordinal(const unsigned char *at, const unsigned char *end) {
    static const char *const all[] = {"st", "nd", "rd", "th", "er", "e"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        size_t size = strlen(all[i]);
        if ((size_t)(end - at) >= size && memcmp(at, all[i], size) == 0 && !IS(at + size, WORD))
            return at + size;
    }
    return NULL;
}

/* Where a number ends that begins here: whole where a word ends with it, else with as many of its
 * groups as stand before something that is no word, else with all of them. */
static const unsigned char *number(const unsigned char *at, const unsigned char *end) {
    const unsigned char *longest = run(at, end, DIGIT), *whole = NULL;
    for (;;) {
        const unsigned char *with = ordinal(longest, end);
        if (with != NULL) whole = with;
        else if (!IS(longest, WORD)) whole = longest;
        if (longest >= end || (*longest != '.' && *longest != ',') || !IS(longest + 1, DIGIT)) break;
        longest = run(longest + 1, end, DIGIT);
    }
    return whole != NULL ? whole : longest;
}

static const unsigned char *word(const unsigned char *at, const unsigned char *end) {
    at = run(at, end, LETTER);
    if (at < end && *at == '\'' && IS(at + 1, LETTER)) at = run(at + 1, end, LETTER);
    const unsigned char *after = at;
    while (after < end && (*after == '+' || *after == '#')) after++;
    if (after > at && IS(after, WORD)) after--; /* what comes then is a sign, and no word */
    return after;
}

/* The next token: its first byte, and its end through `stop`. NULL where there is none. */
static const unsigned char *next(
    const unsigned char *at, const unsigned char *end, const unsigned char **stop) {
    for (; at < end; at++) {
        int kind = kind_of[*at];
        if (kind & DIGIT) *stop = number(at, end);
        else if (kind & LETTER) *stop = word(at, end);
        else if (kind & SIGN) *stop = at + 1;
        else continue;
        return at;
    }
    return NULL;
}

/* The bytes of an ASCII text; NULL with an exception of anything else. */
static const unsigned char *text_of(PyObject *text, Py_ssize_t *size) {
    const char *raw = PyUnicode_Check(text) ? PyUnicode_AsUTF8AndSize(text, size) : NULL;
    if (raw != NULL && *size == PyUnicode_GetLength(text)) return (const unsigned char *)raw;
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "not an ASCII text");
    return NULL;
}

static PyObject *make(const unsigned char *at, const unsigned char *stop) {
    return PyUnicode_DecodeASCII((const char *)at, stop - at, NULL);
}

static PyObject *split(PyObject *module, PyObject *text) {
    (void)module;
    Py_ssize_t size;
    const unsigned char *at = text_of(text, &size), *stop;
    if (at == NULL) return NULL;
    const unsigned char *end = at + size;
    PyObject *found = PyList_New(0);
    for (; found != NULL && (at = next(at, end, &stop)) != NULL; at = stop) {
        PyObject *token = make(at, stop);
        if (token == NULL || PyList_Append(found, token) < 0) Py_CLEAR(found);
        Py_XDECREF(token);
    }
    return found;
}

/* ---- what tokens give ---------------------------------------------------------------------- */

typedef struct {
    PyObject *english, *french; /* NULL: nothing is here */
    int tells;
    unsigned char size;
    char spelled[LONG];
} Place;

typedef struct {
    PyObject_HEAD
    PyObject *learn, *nothing;
    Place *places;
    size_t count, room; /* room: a power of two */
    uint64_t seed;
} Givens;

static void forget(Givens *self) {
    Place *places = self->places;
    size_t room = self->room;
    self->places = NULL; /* before anything is let go: that may call back */
    self->count = self->room = 0;
    for (size_t i = 0; i < room; i++) {
        Py_XDECREF(places[i].english);
        Py_XDECREF(places[i].french);
    }
    PyMem_Free(places);
}

static size_t place_of(const Givens *self, const unsigned char *at, size_t size) {
    uint64_t hash = self->seed ^ size;
    for (; size >= 8; at += 8, size -= 8) {
        uint64_t eight;
        memcpy(&eight, at, 8);
        hash = (hash ^ eight) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 29;
    }
    uint64_t rest = 0;
    memcpy(&rest, at, size);
    hash = (hash ^ rest) * 0xD6E8FEB86659FD93u;
    hash ^= hash >> 32;
    hash *= 0xD6E8FEB86659FD93u;
    return (size_t)(hash ^ hash >> 29);
}

/* The place of a token, or the free one where it belongs; NULL where there is neither. */
static Place *look(const Givens *self, const unsigned char *at, size_t size) {
    size_t mask = self->room - 1, from = place_of(self, at, size);
    for (size_t i = 0; i < PROBES && i < self->room; i++) {
        Place *place = &self->places[(from + i) & mask];
        if (place->english == NULL) return place;
        if (place->size == size && memcmp(place->spelled, at, size) == 0) return place;
    }
    return NULL;
}

static int grow(Givens *self) {
    size_t room = self->room ? 2 * self->room : 256, before = self->room;
    Place *old = self->places, *places = PyMem_Calloc(room, sizeof *places);
    if (places == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    self->places = places;
    self->room = room;
    for (size_t i = 0; i < before; i++) {
        if (old[i].english == NULL) continue;
        Place *place = look(self, (const unsigned char *)old[i].spelled, old[i].size);
        if (place != NULL) {
            *place = old[i];
        } else { /* hardly ever; the last reference is never here: both are somebody's words */
            Py_DECREF(old[i].english);
            Py_DECREF(old[i].french);
            self->count--;
        }
    }
    PyMem_Free(old);
    return 0;
}

/* What a token gives, as new references, and what it tells. -1 with an exception. */
static int ask(Givens *self, const unsigned char *at, const unsigned char *stop, int keep,
               PyObject **english, PyObject **french, int *tells) {
    PyObject *token = make(at, stop);
    PyObject *said = token == NULL ? NULL : PyObject_CallFunctionObjArgs(self->learn, token, NULL);
    Py_XDECREF(token);
    if (said == NULL) return -1;
    int is_tuple = PyTuple_Check(said);
    if (!is_tuple) PyErr_SetString(PyExc_TypeError, "what a token gives is a tuple");
    if (!is_tuple || !PyArg_ParseTuple(said, "iUU", tells, english, french)) {
        Py_DECREF(said);
        return -1;
    }
    Py_INCREF(*english);
    Py_INCREF(*french);
    Py_DECREF(said);
    if (keep) {
        if (self->count >= MOST) forget(self);
        if (2 * self->count >= self->room && grow(self) < 0) goto failed;
        Place *place = look(self, at, (size_t)(stop - at));
        if (place != NULL && place->english == NULL) {
            Py_INCREF(*english);
            Py_INCREF(*french);
            place->english = *english;
            place->french = *french;
            place->tells = *tells;
            place->size = (unsigned char)(stop - at);
            memcpy(place->spelled, at, (size_t)(stop - at));
            self->count++;
        }
    }
    return 0;
failed:
    Py_CLEAR(*english);
    Py_CLEAR(*french);
    return -1;
}

static PyObject *gist(Givens *self, PyObject *text) {
    Py_ssize_t size, many = 0, room = FEW, told = 0;
    const unsigned char *at = text_of(text, &size), *stop;
    if (at == NULL) return NULL;
    const unsigned char *end = at + size;
    PyObject *few[2 * FEW], **given = few; /* of each token what it gives, English and French */
    PyObject *result = NULL, *set = NULL;
    for (; (at = next(at, end, &stop)) != NULL; at = stop) {
        if (many == room) {
            PyObject **more = PyMem_Malloc(4 * (size_t)room * sizeof *more);
            if (more == NULL) {
                PyErr_NoMemory();
                goto done;
            }
            memcpy(more, given, 2 * (size_t)room * sizeof *more);
            if (given != few) PyMem_Free(given);
            given = more;
            room *= 2;
        }
        size_t length = (size_t)(stop - at);
        int keep = length <= LONG && (length <= FIGURES || run(at, stop, DIGIT) != stop);
        Place *place = keep && self->room ? look(self, at, length) : NULL;
        PyObject **pair = given + 2 * many;
        if (place != NULL && place->english != NULL) {
            pair[0] = place->english;
            pair[1] = place->french;
            Py_INCREF(pair[0]); /* a later token may make it forget */
            Py_INCREF(pair[1]);
            told += place->tells;
        } else {
            int tells;
            if (ask(self, at, stop, keep, pair, pair + 1, &tells) < 0) goto done;
            told += tells;
        }
        many++;
    }
    set = PyFrozenSet_New(NULL);
    if (set == NULL || PySet_Add(set, self->nothing) < 0) goto done;
    for (Py_ssize_t i = 0; i < many; i++)
        if (PySet_Add(set, given[2 * i + (told > 0)]) < 0) goto done;
    Py_hash_t hash = PyObject_Hash(set);
    if (hash != -1) result = PyLong_FromSsize_t(hash);
done:
    Py_XDECREF(set);
    for (Py_ssize_t i = 0; i < 2 * many; i++) Py_DECREF(given[i]);
    if (given != few) PyMem_Free(given);
    return result;
}

static PyObject *givens_new(PyTypeObject *type, PyObject *args, PyObject *names) {
    PyObject *learn;
    unsigned long long seed;
    if (names != NULL && PyDict_Size(names) > 0) {
        PyErr_SetString(PyExc_TypeError, "Givens takes no names");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "OK", &learn, &seed)) return NULL;
    allocfunc alloc = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Givens *self = (Givens *)alloc(type, 0);
    if (self == NULL) return NULL;
    Py_INCREF(learn);
    self->learn = learn;
    self->seed = seed;
    self->nothing = PyUnicode_FromStringAndSize("", 0);
    if (self->nothing == NULL) Py_CLEAR(self);
    return (PyObject *)self;
}

static int givens_traverse(Givens *self, visitproc visit, void *arg) {
    Py_VISIT(self->learn);
    Py_VISIT(Py_TYPE((PyObject *)self));
    return 0;
}

static int givens_clear(Givens *self) {
    Py_CLEAR(self->learn);
    return 0;
}

static void givens_dealloc(Givens *self) {
    PyTypeObject *type = Py_TYPE((PyObject *)self);
    PyObject_GC_UnTrack(self);
    forget(self);
    Py_CLEAR(self->learn);
    Py_CLEAR(self->nothing);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(self);
    Py_DECREF(type);
}

static Py_ssize_t givens_length(Givens *self) { return (Py_ssize_t)self->count; }

static PyMethodDef givens_methods[] = {
    {"gist", (PyCFunction)gist, METH_O, "The gist of an ASCII text."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot givens_slots[] = {
    {Py_tp_new, givens_new},           {Py_tp_dealloc, givens_dealloc},
    {Py_tp_traverse, givens_traverse}, {Py_tp_clear, givens_clear},
    {Py_tp_methods, givens_methods},   {Py_mp_length, givens_length},
    {Py_tp_doc, "What tokens give, remembered: see tokens.PlainGivens."},
    {0, NULL},
};

static PyType_Spec givens_spec = {
    "proxy.cache._tokens.Givens", sizeof(Givens), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, givens_slots,
};

static PyMethodDef functions[] = {
    {"split", split, METH_O, "The tokens of an ASCII text."},
    {NULL, NULL, 0, NULL},
};

static int fill(PyObject *module) {
    name_kinds();
    PyObject *type = PyType_FromModuleAndSpec(module, &givens_spec, NULL);
    if (type == NULL) return -1;
    int failed = PyModule_AddObjectRef(module, "Givens", type);
    Py_DECREF(type);
    return failed;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, fill}, {0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "_tokens", .m_size = 0,
    .m_methods = functions, .m_slots = slots,
};

PyMODINIT_FUNC PyInit__tokens(void) { return PyModuleDef_Init(&definition); }
