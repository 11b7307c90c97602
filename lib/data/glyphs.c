/* SPDX-License-Identifier: BSD-3-Clause */
/* What do the drawn digits look like? Points come first, then ways of writing a digit, each with
 * its weight among the others. digits.c draws them. */
#include "data/glyphs.h"

/* Each stroke from pen down to pen up. */
static const aei_point zero_closed[] = {{54, 1},  {30, 8},  {14, 32}, {12, 62}, {26, 90}, {50, 99},
                                        {76, 88}, {89, 60}, {87, 30}, {70, 8},  {50, 2}};
static const aei_point zero_tail[] = {{68, 8},  {44, 3},  {20, 22}, {11, 54}, {24, 88}, {52, 98},
                                      {80, 80}, {88, 46}, {74, 12}, {54, 4},  {46, 14}};

static const aei_point one_bar[] = {{52, 0}, {51, 34}, {50, 66}, {49, 100}};
static const aei_point one_flag[] = {{34, 22}, {46, 12}, {54, 0},  {54, 0},
                                     {53, 34}, {52, 66}, {51, 100}};
static const aei_point one_foot[] = {{30, 99}, {52, 98}, {76, 98}};

static const aei_point two_plain[] = {{18, 22}, {34, 4},  {62, 2},  {78, 20}, {70, 44},
                                      {44, 72}, {16, 96}, {16, 96}, {50, 95}, {88, 94}};
static const aei_point two_loop[] = {{18, 20}, {36, 3},  {64, 4},  {76, 24}, {64, 52}, {40, 82},
                                     {20, 94}, {12, 84}, {26, 76}, {46, 86}, {68, 95}, {92, 88}};

static const aei_point three_round[] = {{20, 12}, {42, 1},  {70, 6},   {74, 28},
                                        {56, 44}, {38, 48}, {38, 48},  {64, 50},
                                        {82, 68}, {72, 92}, {42, 100}, {14, 88}};
static const aei_point three_loop[] = {{22, 14}, {46, 2},  {72, 10}, {68, 34},  {46, 46}, {40, 52},
                                       {56, 48}, {78, 60}, {76, 86}, {48, 100}, {20, 92}};
static const aei_point three_flat[] = {{18, 6},  {46, 4},  {76, 3},  {76, 3},  {58, 24}, {44, 42},
                                       {44, 42}, {72, 48}, {82, 70}, {68, 94}, {40, 99}, {14, 90}};

static const aei_point four_open[] = {{24, 4}, {18, 30}, {18, 48}, {34, 56}, {60, 52}, {82, 46}};
static const aei_point four_stem[] = {{80, 2}, {76, 34}, {70, 66}, {66, 100}};
static const aei_point four_closed[] = {{62, 2}, {40, 32}, {12, 64}, {12, 64}, {50, 64}, {92, 62}};
static const aei_point four_closed_stem[] = {{62, 2}, {63, 34}, {64, 66}, {64, 100}};
static const aei_point four_hook[] = {{22, 6}, {16, 32}, {22, 50}, {46, 52}, {74, 34},
                                      {82, 8}, {82, 8},  {78, 36}, {70, 68}, {64, 100}};

static const aei_point five_body[] = {{30, 4},  {27, 22}, {24, 44}, {24, 44}, {48, 36},
                                      {74, 48}, {78, 74}, {56, 97}, {32, 98}, {12, 86}};
static const aei_point five_top[] = {{30, 4}, {56, 5}, {86, 2}};
static const aei_point five_single[] = {{84, 4},  {58, 4},  {36, 6},  {36, 6},  {31, 24}, {28, 42},
                                        {28, 42}, {52, 38}, {72, 52}, {72, 78}, {50, 97}, {16, 92}};
static const aei_point five_slack[] = {{88, 6},  {60, 4},  {42, 14}, {32, 34}, {44, 46},
                                       {66, 58}, {68, 82}, {46, 98}, {20, 96}, {14, 84}};

static const aei_point six_round[] = {{66, 1},  {42, 18}, {24, 46}, {18, 74}, {32, 97},
                                      {60, 96}, {78, 76}, {66, 56}, {42, 58}, {22, 78}};
static const aei_point six_tall[] = {{48, 0},  {34, 24}, {24, 54}, {26, 82}, {44, 99},
                                     {68, 90}, {70, 68}, {54, 60}, {36, 70}, {28, 84}};

static const aei_point seven_plain[] = {{14, 10}, {44, 7},  {80, 6},  {80, 6},
                                        {66, 34}, {54, 64}, {46, 100}};
static const aei_point seven_round[] = {{12, 20}, {20, 8},  {48, 10}, {76, 6},
                                        {80, 14}, {64, 40}, {50, 68}, {42, 100}};
static const aei_point seven_bar[] = {{36, 52}, {56, 50}, {80, 48}};

static const aei_point eight_s[] = {{72, 14}, {50, 2},  {28, 12}, {28, 32}, {50, 47},
                                    {72, 64}, {72, 88}, {48, 99}, {24, 88}, {26, 66},
                                    {50, 47}, {72, 28}, {74, 12}};
static const aei_point eight_closed[] = {{62, 8},  {42, 2},  {26, 16}, {34, 36}, {56, 54},
                                         {70, 76}, {58, 97}, {34, 96}, {26, 76}, {44, 54},
                                         {66, 34}, {74, 16}, {62, 6},  {50, 4}};

static const aei_point nine_straight[] = {{76, 20}, {58, 3},  {32, 8},  {18, 30},
                                          {28, 50}, {54, 46}, {74, 24}, {78, 10},
                                          {78, 10}, {76, 40}, {72, 70}, {68, 100}};
static const aei_point nine_curved[] = {{74, 16}, {52, 2},  {28, 14}, {24, 38}, {44, 50}, {68, 36},
                                        {76, 14}, {78, 44}, {72, 78}, {52, 98}, {26, 94}};
static const aei_point nine_slanted[] = {{70, 14}, {52, 4},  {32, 14}, {26, 32}, {42, 42},
                                         {62, 32}, {72, 14}, {66, 40}, {54, 70}, {42, 100}};

#define STROKE(name)                       \
    {                                      \
        name, sizeof name / sizeof name[0] \
    }

static const aei_glyph zeros[] = {{{STROKE(zero_closed)}, 5}, {{STROKE(zero_tail)}, 2}};
static const aei_glyph ones[] = {
    {{STROKE(one_bar)}, 10}, {{STROKE(one_flag)}, 3}, {{STROKE(one_flag), STROKE(one_foot)}, 1}};
static const aei_glyph twos[] = {{{STROKE(two_plain)}, 3}, {{STROKE(two_loop)}, 4}};
static const aei_glyph threes[] = {
    {{STROKE(three_round)}, 4}, {{STROKE(three_loop)}, 3}, {{STROKE(three_flat)}, 1}};
static const aei_glyph fours[] = {{{STROKE(four_open), STROKE(four_stem)}, 5},
                                  {{STROKE(four_closed), STROKE(four_closed_stem)}, 2},
                                  {{STROKE(four_hook)}, 3}};
static const aei_glyph fives[] = {{{STROKE(five_body), STROKE(five_top)}, 4},
                                  {{STROKE(five_single)}, 3},
                                  {{STROKE(five_slack)}, 2}};
static const aei_glyph sixes[] = {{{STROKE(six_round)}, 4}, {{STROKE(six_tall)}, 3}};
static const aei_glyph sevens[] = {{{STROKE(seven_plain)}, 5},
                                   {{STROKE(seven_round)}, 3},
                                   {{STROKE(seven_plain), STROKE(seven_bar)}, 1}};
static const aei_glyph eights[] = {{{STROKE(eight_s)}, 3}, {{STROKE(eight_closed)}, 3}};
static const aei_glyph nines[] = {
    {{STROKE(nine_straight)}, 4}, {{STROKE(nine_curved)}, 2}, {{STROKE(nine_slanted)}, 3}};

#define WAYS(name)                         \
    {                                      \
        name, sizeof name / sizeof name[0] \
    }

const aei_glyph *aei_glyphs(size_t digit, size_t *count)
{
    static const struct {
        const aei_glyph *glyphs;
        size_t count;
    } ways[10] = {WAYS(zeros), WAYS(ones),  WAYS(twos),   WAYS(threes), WAYS(fours),
                  WAYS(fives), WAYS(sixes), WAYS(sevens), WAYS(eights), WAYS(nines)};
    *count = ways[digit].count;
    return ways[digit].glyphs;
}
